"""Offsets of annotation tools as code points, verified against the text of the span where the export has it.

Browsers count UTF-16 units, so that each emoji before a span moves it by one, and show a Windows line break as one character.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from mgm.corpus.annotations.documents import Span
from mgm.corpus.annotations.options import AUTO, CODE_POINTS, UTF16

OTHER_TEXT = "the span's offsets do not lead to its text"
OUTSIDE = "the span is no range of the text"
ONLY_BLANKS = "the span covers blanks alone"


class RawSpan(NamedTuple):
    """A span as the tool wrote it; `text`: what the tool says it covers, or None."""

    start: int
    end: int
    label: str
    text: str | None = None


class WrongSpan(ValueError):
    """A span that does not lead to its text, with the reason and what was found."""

    def __init__(self, reason: str, found: str) -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


def to_code_points(text: str, spans: Sequence[RawSpan], *, unit: str, default: str) -> tuple[list[Span], int]:
    """Return the spans of a document in code points of its text, and the number of those whose blanks at an edge were cut off.

    Where spans come with their texts, one way of counting must fit them all: code points or UTF-16 units, a Windows line break as two
    characters or as one.

    Args:
        text: the raw text.
        spans: as the tool wrote them.
        unit: `ImportOptions.offsets`.
        default: the unit of the tool, for spans without texts.

    Raises:
        WrongSpan: no way of counting fits.
    """
    units = (default, UTF16 if default == CODE_POINTS else CODE_POINTS) if unit == AUTO else (unit,)
    told = [span for span in spans if span.text is not None]
    if unit == AUTO and not told:
        units = (default,)
    first_problem: WrongSpan | None = None
    for way in units:
        for breaks_are_one in (False, True) if "\r\n" in text else (False,):
            try:
                return _counted(text, spans, unit=way, breaks_are_one=breaks_are_one)
            except WrongSpan as error:
                first_problem = first_problem or error
    assert first_problem is not None
    raise first_problem


def _counted(
    text: str, spans: Sequence[RawSpan], *, unit: str, breaks_are_one: bool
) -> tuple[list[Span], int]:
    if unit == CODE_POINTS and not breaks_are_one:
        places = {i: i for i in range(len(text) + 1)}
    else:
        places = _code_point_at(text, unit=unit, breaks_are_one=breaks_are_one)
    found = [_span(text, span, places=places) for span in spans]
    return [span for span, _ in found], sum(is_trimmed for _, is_trimmed in found)


def _code_point_at(text: str, *, unit: str, breaks_are_one: bool) -> dict[int, int]:
    """Return the code point for each offset at which one begins, and for the end."""
    widths = [
        0
        if breaks_are_one and character == "\r" and text[i + 1 : i + 2] == "\n"
        else 1 + (unit == UTF16 and character > "\uffff")
        for i, character in enumerate(text)
    ]
    starts = [0, *accumulate(widths)]
    # a break that counts as one begins at its \r: of equal offsets the first
    return {offset: i for i, offset in reversed(list(enumerate(starts)))}


def _span(text: str, span: RawSpan, *, places: dict[int, int]) -> tuple[Span, bool]:
    start, end = places.get(span.start, -1), places.get(span.end, -1)
    if start < 0 or end <= start:
        raise WrongSpan(OUTSIDE, f"[{span.start}, {span.end}) of {len(text)} characters, {span.label!r}")
    covered = text[start:end]
    if span.text is not None and _loose(covered) != _loose(span.text):
        raise WrongSpan(
            OTHER_TEXT, f"[{span.start}, {span.end}) is {covered!r}, expected {span.text!r}, {span.label!r}"
        )
    # annotators select blanks with the words, and no word begins or ends on one
    start += len(covered) - len(covered.lstrip())
    end -= len(covered) - len(covered.rstrip())
    if end <= start:
        raise WrongSpan(ONLY_BLANKS, f"[{span.start}, {span.end}) is {covered!r}, {span.label!r}")
    return Span(start, end, span.label), end - start < len(covered)


def _loose(text: str) -> str:
    """Return a text with the line breaks as tools show them."""
    return text.replace("\r\n", "\n").replace("\\n", "\n")
