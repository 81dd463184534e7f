"""Labelled spans beside the raw ranges of words: a span that begins or ends where no word does cannot be predicted."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mgm.quality.frame import SHOWN_ROWS
from mgm.quality.task_faults import TaskFaults
from mgm.text.list_columns import Array, Flags, flatten, flatten_ints, lengths, row_ids
from mgm.text.offsets import position_keys

SHIFTS = {
    (1, 1): "1 character later",
    (-1, -1): "1 character earlier",
    (0, 1): "with ends 1 later, where an end is the last character of a span",
}
"""Moves of a span's start and end that a fault of all spans calls for."""
MOST = 0.8
"""Share of misplaced spans that a move must put right to be named."""


@dataclass
class SpanBounds:
    """The labelled spans of one corpus that begin or end inside a word or on a blank."""

    corpus: str
    num_spans: int = 0
    num_misplaced: int = 0
    num_fitting: Counter[tuple[int, int]] = field(default_factory=Counter)
    """The misplaced spans that fit after a move, by the move."""
    examples: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of spans that are misplaced."""
        return self.num_misplaced / self.num_spans if self.num_spans else 0.0

    def add(self, documents: pl.DataFrame, column: str, *, types: pl.Series) -> None:
        """Count the spans of a part of features.

        Args:
            documents: doc_id, the spans, and the words with their raw ranges: word, start and end.
            column: the name of the spans' column.
            types: the text of each distinct word.
        """
        spans = flatten(documents[column])
        if len(spans) == 0:
            return
        row = row_ids(lengths(documents[column]))
        start, end = (spans.struct.field(name).to_numpy().astype(np.int64) for name in ("start", "end"))
        words = _Words(documents, types)
        misplaced = ~words.has_bounds(row, start, end=end)
        self.num_spans += len(spans)
        self.num_misplaced += int(misplaced.sum())
        at = np.flatnonzero(misplaced)
        for move_start, move_end in SHIFTS:
            fits = words.has_bounds(row[at], start[at] + move_start, end=end[at] + move_end)
            self.num_fitting[move_start, move_end] += int(fits.sum())
        for i in at[: SHOWN_ROWS - len(self.examples)].tolist():
            doc_id, label = documents["doc_id"][int(row[i])], spans.struct.field("label")[i]
            described = words.describe(int(row[i]), int(start[i]), end=int(end[i]))
            self.examples.append(f"{doc_id}: {label} {described}")

    def find_fault(self, faults: TaskFaults) -> None:
        """Add the fault of too many misplaced spans."""
        shift, fitting = max(self.num_fitting.items(), key=lambda item: item[1], default=((0, 0), 0))
        hint = (
            f"; {fitting:,} of them would fit {SHIFTS[shift]}" if fitting > MOST * self.num_misplaced else ""
        )
        faults.check_share(
            "misplaced_spans",
            self.num_misplaced,
            total=self.num_spans,
            text=f"labelled spans of {self.corpus} begin or end inside a word or on a blank, so that none of them can be "
            f"predicted, expected offsets of the raw text in code points (not bytes, not UTF-16 units) with the end "
            f"excluded{hint}",
            ids=self.examples,
        )


class _Words:
    """The words of a part of documents, one after another, with their raw ranges."""

    def __init__(self, documents: pl.DataFrame, types: pl.Series) -> None:
        self._types = types
        self._code = flatten_ints(documents["word"])
        self.start, self.end = flatten_ints(documents["start"]), flatten_ints(documents["end"])
        row = row_ids(lengths(documents["start"]))
        # Each ascends, since the words of a text are in order.
        self._start_keys, self._end_keys = position_keys(row, self.start), position_keys(row, self.end)

    def has_bounds(self, row: Array, start: Array, *, end: Array) -> Flags:
        """Return which spans begin where a word begins and end where a word ends."""
        return _contains(self._start_keys, position_keys(row, start)) & _contains(
            self._end_keys, position_keys(row, end)
        )

    def describe(self, row: int, start: int, *, end: int) -> str:
        """Return the text of a span that no words fit, its offsets, and the words that it cuts."""
        first = int(np.searchsorted(self._end_keys, position_keys(row, start), side="right"))
        last = int(np.searchsorted(self._start_keys, position_keys(row, end), side="left"))
        inside = range(first, max(first, last))
        text = " ".join(self._part(i, start, end=end) for i in inside)
        faults = [f"{verb} {where}" for verb, where in self._faults(inside, start, end=end)]
        return f"{text!r} [{start}, {end}) {' and '.join(faults)}"

    def _faults(self, inside: range, start: int, *, end: int) -> list[tuple[str, str]]:
        faults = []
        for verb, bound, bounds, i in (
            ("begins", start, self.start, inside.start),
            ("ends", end, self.end, inside.stop - 1),
        ):
            if inside and bound == bounds[i]:
                continue
            cuts = bool(inside) and self.start[i] < bound < self.end[i]
            where = (
                f"inside {self._types[int(self._code[i])]!r} [{self.start[i]}, {self.end[i]})" if cuts else ""
            )
            faults.append((verb, where or "outside words"))
        return faults

    def _part(self, i: int, start: int, *, end: int) -> str:
        """Return the characters of a word that a span has; the whole word where cleaning changed its length."""
        word, first, last = self._types[int(self._code[i])], int(self.start[i]), int(self.end[i])
        return word[max(start - first, 0) : max(end - first, 0)] if len(word) == last - first else word


def _contains(keys: Array, wanted: Array) -> Flags:
    """Return which of the wanted keys are among the keys, which ascend."""
    if len(keys) == 0:
        return np.zeros(len(wanted), dtype=bool)
    return keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
