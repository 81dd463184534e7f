"""Cleaning: what changes, the way back, and why rows are rejected."""

import json
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings import CleaningSettings
from mgm.tasks import COLUMN_TYPES
from mgm.text.cleaning import clean, clean_texts
from mgm.text.offsets import Edits

NFC, NFKC = CleaningSettings(), CleaningSettings(unicode="nfkc")
TRICKY = st.text(
    alphabet=st.sampled_from("ab \t\n\r\u200b\ufeff\x00\u00a0\u3000e\u0301ﬁ½，中文。\u2028😀"), max_size=25
)


def documents(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"doc_id": [f"d{i}" for i in range(len(texts))], "text": texts},
        schema={"doc_id": pl.String, "text": pl.String},
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain text", "plain text"),
        ("  two  blanks\tand a tab ", "two blanks and a tab"),
        ("lines \r\nstay\rhere\u2028too", "lines\nstay\nhere\ntoo"),
        ("a\n \n \n\n b", "a\n\nb"),
        ("zero\u200bwidth\ufeff\x07", "zerowidth"),
        ("e\u0301te\u0301", "été"),
        ("中文　全角", "中文 全角"),
        ("ﬁ ½，", "ﬁ ½，"),
        ("\r\n", ""),
        ("", ""),
    ],
)
def test_cleaned_text(raw: str, expected: str) -> None:
    assert clean_texts(pl.Series([raw]), NFC)[0].to_list() == [expected]


def test_nfkc_folds_widths_and_ligatures() -> None:
    assert clean_texts(pl.Series(["ﬁ，ＡＢＣ"]), NFKC)[0].to_list() == ["fi,ABC"]


def test_everything_can_be_switched_off() -> None:
    off = CleaningSettings(unicode="none", control_characters=False, whitespace=False)
    raw = " a\x00  e\u0301 \n\n\n"
    texts, edits = clean_texts(pl.Series([raw]), off)
    assert texts.to_list() == [raw] and len(edits.text) == 0


@given(st.lists(TRICKY, min_size=1, max_size=5), st.sampled_from([NFC, NFKC]))
def test_edits_rebuild_the_clean_text_and_cleaning_again_changes_nothing(
    raws: list[str], settings: CleaningSettings
) -> None:
    cleaned, edits = clean_texts(pl.Series(raws, dtype=pl.String), settings)
    for text, (raw, new) in enumerate(zip(raws, cleaned, strict=True)):
        own = edits.text == text
        rebuilt, at = "", 0
        for a, b, c, d in zip(
            edits.old_start[own], edits.old_end[own], edits.new_start[own], edits.new_end[own], strict=True
        ):
            rebuilt, at = rebuilt + raw[at:a] + new[c:d], b
        assert rebuilt + raw[at:] == new
        assert unicodedata.is_normalized("NFC", new)
    assert clean_texts(cleaned, settings)[0].to_list() == cleaned.to_list()


def test_unchanged_rows_have_no_edits() -> None:
    kept, _ = clean(documents("same", "not  same"), NFC)
    assert kept["edits"].is_null().to_list() == [True, False]
    assert Edits.from_column(kept["edits"]).text.tolist() == [1]


def test_each_reason_is_given() -> None:
    spans = [None, None, [{"start": 1, "end": 3, "label": "x"}], [{"start": 0, "end": 1, "label": "x"}], None]
    frame = documents("  ", "x" * 30, "a\u200b\u200bbc", "abc def", None).with_columns(
        tag=pl.Series(spans, dtype=COLUMN_TYPES["tagging"])
    )
    kept, rejected = clean(frame, CleaningSettings(max_chars=20), min_chars=2)
    assert kept["doc_id"].to_list() == ["d3"]
    assert dict(rejected.select("doc_id", "reasons").iter_rows()) == {
        "d0": ["text_too_short"],
        "d1": ["text_too_long"],
        "d2": ["span_in_deletion"],
        "d4": ["text_too_short"],
    }
    assert json.loads(rejected["values"][2])["text"] == "a\u200b\u200bbc"


def test_an_empty_part_stays_empty() -> None:
    kept, rejected = clean(documents(), NFC)
    assert (kept.height, rejected.height) == (0, 0) and kept.columns == ["doc_id", "text", "edits"]
