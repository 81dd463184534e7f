"""Cleaning step whitespace."""

import pytest

from mgm.text.cleaning.whitespace import collapse_blanks
from tests.text.cleaning.checks import after, changes


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain text", "plain text"),
        ("  two  blanks\tand a tab ", "two blanks and a tab"),
        ("lines \r\nstay\rhere\u2028too", "lines\nstay\nhere\ntoo"),
        ("a\n \n \n\n b", "a\n\nb"),
        ("paragraph\n\nand\nline", "paragraph\n\nand\nline"),
        ("中文　全角\xa0\u2003空格", "中文 全角 空格"),
        ("\r\n", ""),
        ("", ""),
    ],
)
def test_blanks(raw: str, text: str) -> None:
    assert after(collapse_blanks, raw) == text


def test_a_blank_for_a_blank_moves_nothing() -> None:
    assert changes(collapse_blanks, "a\tb　c\rd") == []
    assert changes(collapse_blanks, " a \t b") == [(" ", ""), ("\t ", "")]
