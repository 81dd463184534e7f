"""Cleaning step simplified."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.cleaning.simplified import simplify_chinese
from tests.text.cleaning.checks import after, check_edits


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("漢字轉換", "汉字转换"),
        ("皇后在後面", "皇后在后面"),
        ("乾燥，乾坤", "干燥，乾坤"),  # by the word, not by the character alone
        ("简体中文", "简体中文"),
        ("no Chinese, ＡＢＣ", "no Chinese, ＡＢＣ"),
        ("日本語の漢字", "日本语の汉字"),
    ],
)
def test_conversion(raw: str, text: str) -> None:
    assert after(simplify_chinese, raw) == text


def test_no_offset_moves() -> None:
    texts = pl.Series(["one", "漢字", "汉字", "萬里 \x00 長城"])
    new, edits = simplify_chinese(texts)
    assert new.to_list() == ["one", "汉字", "汉字", "万里 \x00 长城"] and len(edits.text) == 0


@given(
    st.lists(
        st.text(alphabet=st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF), max_size=8), max_size=4
    )
)
def test_edits_lead_back(raws: list[str]) -> None:
    new, edits = simplify_chinese(pl.Series(raws, dtype=pl.String))
    check_edits(raws, new.to_list(), edits, exchanges=True)
