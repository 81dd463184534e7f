"""Cleaning step width."""

from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.text.cleaning import clean
from mgm.text.cleaning.width import fold_width
from mgm.text.segmentation.tokens import tokenize
from tests.text.cleaning.checks import after

LETTERS, ALL = partial(fold_width, which="letters"), partial(fold_width, which="all")


@pytest.mark.parametrize(
    ("raw", "letters", "everything"),
    [
        ("ＡＢＣｘｙｚ０１９", "ABCxyz019", "ABCxyz019"),
        ("价格：￥１００，好！", "价格：￥100，好！", "价格:¥100,好!"),
        ("ａ　ｂ", "a　b", "a b"),
        ("（＠～＼）", "（＠～＼）", "(@~\\)"),
        ("。、「」《》", "。、「」《》", "。、「」《》"),
        ("ｶﾞｱ ﾡ", "ｶﾞｱ ﾡ", "ｶﾞｱ ﾡ"),
        ("plain ASCII", "plain ASCII", "plain ASCII"),
    ],
)
def test_folded_forms(raw: str, letters: str, everything: str) -> None:
    assert (after(LETTERS, raw), after(ALL, raw)) == (letters, everything)


@given(st.text(alphabet="ＡＢｃ１２，　。中a ", max_size=15))
def test_no_offset_moves(raw: str) -> None:
    for step in (LETTERS, ALL):
        new, edits = step(pl.Series([raw]))
        assert len(new[0]) == len(raw) and len(edits.text) == 0


def test_words_of_a_full_width_sentence_keep_their_own_offsets() -> None:
    raw = "ＴＨＥ　ＦＡＳＴ　　ＦＯＸ，１２"
    frame = pl.DataFrame({"doc_id": ["d"], "text": [raw]})
    kept, _ = clean(frame, CleaningSettings(width="all"))
    tokens, _ = tokenize(kept, SegmentationSettings())
    words, start, end = tokens.select("words", "start", "end").row(0)
    assert words == ["THE", "FAST", "FOX", ",", "12"]
    assert [raw[a:b] for a, b in zip(start, end, strict=True)] == [
        "ＴＨＥ",
        "ＦＡＳＴ",
        "ＦＯＸ",
        "，",
        "１２",
    ]
