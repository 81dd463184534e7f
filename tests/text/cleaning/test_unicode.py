"""Cleaning step unicode."""

import unicodedata
from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.cleaning.unicode import normalize_unicode
from tests.text.cleaning.checks import after, changes, check_edits, raw_of

NFC, NFKC = partial(normalize_unicode, form="NFC"), partial(normalize_unicode, form="NFKC")


@pytest.mark.parametrize(
    ("raw", "nfc", "nfkc"),
    [
        ("e\u0301te\u0301", "été", "été"),
        ("\u212b \u2126", "Å Ω", "Å Ω"),
        ("ﬁ，ＡＢＣ　½", "ﬁ，ＡＢＣ　½", "fi,ABC 1\u20442"),
        ("ｶﾞ", "ｶﾞ", "ガ"),
        ("中文。", "中文。", "中文。"),
    ],
)
def test_forms(raw: str, nfc: str, nfkc: str) -> None:
    assert (after(NFC, raw), after(NFKC, raw)) == (nfc, nfkc)


def test_characters_exchanged_one_for_one_move_nothing() -> None:
    raw = "ＡＢＣ　ＤＥＦ　ﬁｎ"
    assert changes(NFKC, raw) == [("ﬁ", "fi")]
    new, edits = NFKC(pl.Series([raw]))
    assert (new[0], raw_of(edits, raw, new[0], "DEF")) == ("ABC DEF fin", "ＤＥＦ")
    assert changes(NFC, "\u212b") == []


@given(st.lists(st.text(max_size=10), min_size=1, max_size=4), st.sampled_from(["NFC", "NFKC"]))
def test_as_unicodedata_and_edits_lead_back(raws: list[str], form: str) -> None:
    new, edits = normalize_unicode(pl.Series(raws, dtype=pl.String), form)  # type: ignore[arg-type]
    # Python and Polars know Unicode of different years; what both know is the same.
    if all(unicodedata.name(c, "") for raw in raws for c in raw):
        assert new.to_list() == [unicodedata.normalize(form, raw) for raw in raws]
    check_edits(raws, new.to_list(), edits, exchanges=True)


@given(st.text(alphabet="aｅé\u0301\u0323\u0308ﬁ½한ㄱｶﾞ\u0345", max_size=12))
def test_combining_marks(raw: str) -> None:
    for form in ("NFC", "NFKC"):
        assert after(partial(normalize_unicode, form=form), raw) == unicodedata.normalize(form, raw)
