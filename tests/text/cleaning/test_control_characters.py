"""Cleaning step control_characters."""

import pytest

from mgm.text.cleaning.control_characters import drop_invisible
from tests.text.cleaning.checks import after, changes


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("zero\u200bwidth\ufeff\x07", "zerowidth"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\u202bright to left\u202c \u2066x\u2069", "right to left x"),
        ("中\u200d文\x00", "中文"),
        ("\u200b", ""),
        ("tab\tbreak\n\r\x0b\x0c\x85\u2028 stay", "tab\tbreak\n\r\x0b\x0c\x85\u2028 stay"),
        ("é, 😀, 한, ﬁ", "é, 😀, 한, ﬁ"),
    ],
)
def test_dropped_characters(raw: str, text: str) -> None:
    assert after(drop_invisible, raw) == text


def test_each_run_is_one_edit() -> None:
    assert changes(drop_invisible, "a\u200b\u200bb\x00c") == [("\u200b\u200b", ""), ("\x00", "")]
