"""Labelled spans beside words: what the gate after features says of spans that no words fit, cause by cause."""

from collections.abc import Callable

import polars as pl
import pytest

from mgm.quality.span_bounds import SpanBounds
from mgm.quality.task_faults import TaskFaults
from mgm.settings.gates import TaskGate
from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.tasks.kinds import TAGGING
from mgm.text.cleaning import clean
from mgm.text.factorized_tokens import FactorizedTokens
from mgm.text.list_columns import unflatten
from mgm.text.segmentation.tokens import tokenize

TEXTS = [
    ("😀 from Oslo-based makers\r\n", "Oslo-based"),
    ("Café “Roma”: mail a@b.co now ", "a@b.co"),
    ("😀😀 我住在北京。", "北京"),
    ("\nthe ﬁne Zürich house", "Zürich"),
    ("  cafe\u0301 Łódź\u3000", "Łódź"),
]
Offsets = Callable[[str, int, int], tuple[int, int]]


def bounds_of(offsets: Offsets, *, texts: list[tuple[str, str]] = TEXTS) -> SpanBounds:
    """The bounds of one span a text, whose offsets are made of the text and the right ones, beside its words."""
    spans = []
    for text, name in texts:
        start, end = offsets(text, text.index(name), text.index(name) + len(name))
        spans.append([{"start": start, "end": end, "label": "place"}])
    documents = pl.DataFrame(
        {
            "doc_id": [f"d{i}" for i in range(len(texts))],
            "text": [text for text, _ in texts],
            "places": pl.Series(spans, dtype=TAGGING.column_type),
        }
    )
    tokens, _ = tokenize(clean(documents, CleaningSettings())[0], SegmentationSettings())
    words = FactorizedTokens.from_lists(tokens["words"])
    word = unflatten(pl.Series(words.codes), words.counts, name="word")
    bounds = SpanBounds("news")
    for part in tokens.with_columns(word).iter_slices(2):  # as features come, part by part
        bounds.add(part, "places", types=words.types)
    return bounds


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def utf8(text: str) -> int:
    return len(text.encode())


def test_spans_of_whole_words_are_no_fault() -> None:
    """Also beside blanks that cleaning drops, and of words that it replaces."""
    bounds = bounds_of(lambda text, start, end: (start, end))
    assert (bounds.num_spans, bounds.num_misplaced, bounds.examples) == (5, 0, [])
    faults = TaskFaults("places", TaskGate())
    bounds.find_fault(faults)
    assert not any(faults.texts.values())


@pytest.mark.parametrize(
    ("offsets", "misplaced", "example", "hint"),
    [
        (lambda text, start, end: (start + 1, end + 1), 5, "d0: place 'slo-based' [8, 18) begins inside 'Oslo-based'",
         "5 of them would fit 1 character earlier"),
        (lambda text, start, end: (start - 1, end - 1), 5, "d0: place 'Oslo-base' [6, 16) begins outside words and ends inside",
         "5 of them would fit 1 character later"),
        (lambda text, start, end: (start, end - 1), 5, "d0: place 'Oslo-base' [7, 16) ends inside 'Oslo-based' [7, 17)",
         "5 of them would fit with ends 1 later, where an end is the last character of a span"),
        (lambda text, start, end: (utf16(text[:start]), utf16(text[:end])), 2,
         "d0: place 'slo-based' [8, 18) begins inside 'Oslo-based' [7, 17) and ends outside words", ""),
        (lambda text, start, end: (utf8(text[:start]), utf8(text[:end])), 5, "d0: place", ""),
        (lambda text, start, end: (start, start + 4), 4, "d0: place 'Oslo' [7, 11) ends inside 'Oslo-based' [7, 17)", ""),
        (lambda text, start, end: (start - 1, end), 4, "d0: place 'Oslo-based' [6, 17) begins outside words", ""),
    ],
    ids=["later", "earlier", "last_character", "utf16", "bytes", "cut_inside_a_word", "with_the_blank"],
)  # fmt: skip
def test_spans_that_no_words_fit(offsets: Offsets, misplaced: int, example: str, hint: str) -> None:
    bounds = bounds_of(offsets)
    assert (bounds.num_spans, bounds.num_misplaced) == (5, misplaced)
    assert any(shown.startswith(example) for shown in bounds.examples), bounds.examples
    faults = TaskFaults("places", TaskGate())
    bounds.find_fault(faults)
    text = faults.texts["misplaced_spans_stopped"]
    assert (
        text
        and text.startswith(f"places: {misplaced} of 5 ")
        and "spans of news begin or end inside a word" in text
    )
    assert "gates.tasks.places.misplaced_spans_stop" in text
    assert hint in text and (hint or "would fit" not in text)
    assert faults.examples["misplaced_spans_stopped"] == bounds.examples


def test_a_span_that_needs_characters_of_cleaned_words_is_shown_by_words() -> None:
    bounds = bounds_of(lambda text, start, end: (start + 2, end), texts=TEXTS[1:2])
    assert bounds.examples == ["d0: place '<EMAIL>' [20, 24) begins inside '<EMAIL>' [18, 24)"]


def test_a_span_of_blanks_alone() -> None:
    bounds = bounds_of(lambda text, start, end: (start - 1, start), texts=TEXTS[:1])
    assert bounds.examples == ["d0: place '' [6, 7) begins outside words and ends outside words"]
