"""Offsets of browsers and of Python, checked against the texts of the spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.corpus.annotations.offsets import (
    ONLY_BLANKS,
    OTHER_TEXT,
    OUTSIDE,
    RawSpan,
    WrongSpan,
    to_code_points,
)

TEXT = "💩 Ann\r\nin 罗马 today"


def spans(*raw: RawSpan, unit: str = "auto", default: str = "utf-16") -> list[tuple[int, int, str]]:
    return [tuple(span) for span in to_code_points(TEXT, raw, unit=unit, default=default)[0]]


@pytest.mark.parametrize(
    "start", [pytest.param(10, id="code points"), pytest.param(11, id="UTF-16"), pytest.param(9, id="code points, breaks as one")]
)  # fmt: skip
def test_the_text_shows_what_is_counted(start: int) -> None:
    assert TEXT[10:12] == "罗马"
    assert spans(RawSpan(start, start + 2, "LOC", "罗马")) == [(10, 12, "LOC")]


def test_one_way_of_counting_must_fit_all_spans() -> None:
    with pytest.raises(WrongSpan, match=OTHER_TEXT) as error:
        spans(RawSpan(2, 5, "PER", "Ann"), RawSpan(11, 13, "LOC", "罗马"))
    assert "expected" in error.value.found


def test_without_texts_the_tools_unit_counts() -> None:
    assert spans(RawSpan(3, 6, "PER")) == [(2, 5, "PER")]
    assert spans(RawSpan(2, 5, "PER"), unit="code-points") == [(2, 5, "PER")]


@pytest.mark.parametrize("given", [(0, 99), (5, 5), (-1, 3), (1, 2)], ids=["behind the end", "empty", "before", "in an emoji"])  # fmt: skip
def test_what_is_no_range_of_the_text(given: tuple[int, int]) -> None:
    with pytest.raises(WrongSpan, match=OUTSIDE):
        spans(RawSpan(*given, "PER"))


def test_blanks_at_edges_are_cut_off_and_counted() -> None:
    found, trimmed = to_code_points("to Oslo ", [RawSpan(2, 8, "LOC")], unit="auto", default="code-points")
    assert found == [(3, 7, "LOC")] and trimmed == 1
    with pytest.raises(WrongSpan, match=ONLY_BLANKS):
        to_code_points("a b", [RawSpan(1, 2, "X")], unit="auto", default="code-points")


@given(st.text("a💩\r\n ", min_size=1), st.data())
def test_utf16_of_any_span_leads_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    covered = text[start:end]
    if covered != covered.strip():
        return
    units = [len(text[:at].encode("utf-16-le")) // 2 for at in (start, end)]
    raw = RawSpan(*units, "X", covered)
    ((first, last, _),), _ = to_code_points(text, [raw], unit="auto", default="utf-16")
    assert text[first:last].replace("\r\n", "\n") == covered.replace("\r\n", "\n")
