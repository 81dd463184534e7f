"""Monotone lists of edits between two versions of a text, and the mapping of offsets through them.

Offsets are Unicode code points, half-open. An edit says that [old_start, old_end) of the old text became
[new_start, new_end) of the new one. Between edits the texts are as long as each other, and equal up to
characters that were exchanged one for one (a tab for a blank, a full-width letter for a plain one): an
exchange moves no offset, and leaves no edit. A boundary inside an edit snaps to the edit: a start to its
start, an end to its end. Edits of one text are sorted and do not overlap; they touch only where neither is an
insertion or a deletion, so that each of several words that changed in a row keeps bounds of its own.

All functions work on many texts at once. Positions of text d are held as keys d * 2**32 + offset, so that one
sorted array holds those of all texts and one binary search serves them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import Levenshtein

from mgm.text.list_columns import Array, flatten, lengths, row_ids, unflatten

EDIT = pl.Struct({"old_start": pl.Int32, "old_end": pl.Int32, "new_start": pl.Int32, "new_end": pl.Int32})
_TEXT = 32  # bits of an offset within a key


def position_keys(text: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
    """One sortable number for an offset of a text: both (n,)."""
    return (np.asarray(text, dtype=np.int64) << _TEXT) + np.asarray(offset, dtype=np.int64)


@dataclass(frozen=True)
class Edits:
    """The edits of a batch of texts, flat: five arrays (E,), sorted by text, then by place."""

    text: Array
    old_start: Array
    old_end: Array
    new_start: Array
    new_end: Array

    @classmethod
    def of(cls, text: npt.ArrayLike, *bounds: npt.ArrayLike) -> Self:
        """From arrays or lists, sorted; edits that touch an insertion or a deletion are merged with it."""
        arrays = [np.asarray(a, dtype=np.int64) for a in (text, *bounds)]
        if len(arrays[0]) == 0:
            return cls(*arrays)
        owner, old_start, old_end, new_start, new_end = arrays
        whole = (old_end > old_start) & (new_end > new_start)
        touch = (old_start[1:] == old_end[:-1]) & (new_start[1:] == new_end[:-1])
        first = np.ones(len(owner), dtype=bool)
        first[1:] = (
            (owner[1:] != owner[:-1])
            | (old_start[1:] > old_end[:-1])
            | (new_start[1:] > new_end[:-1])
            | (touch & whole[1:] & whole[:-1])
        )
        last = np.append(first[1:], True)
        return cls(owner[first], old_start[first], old_end[last], new_start[first], new_end[last])

    @classmethod
    def none(cls) -> Self:
        """No edit at all."""
        return cls.of(*[[] for _ in range(5)])

    @classmethod
    def joined(cls, *parts: "Edits") -> Self:
        """Edits of the same texts, found in several ways, sorted."""
        arrays = [np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)]
        text, old_start, _, new_start, _ = arrays
        order = np.lexsort((new_start, old_start, text))
        return cls.of(*(array[order] for array in arrays))

    @classmethod
    def from_column(cls, column: pl.Series) -> Self:
        """From a column list[EDIT]; null and empty: the text is unchanged."""
        values = flatten(column)
        if len(values) == 0:
            return cls.none()
        parts = [values.struct.field(f.name).to_numpy() for f in fields(cls)[1:]]
        return cls.of(row_ids(lengths(column)), *parts)

    def to_column(self, texts: int) -> pl.Series:
        """As a column list[EDIT] named edits of so many texts; null where a text has no edit."""
        values = pl.DataFrame({f.name: getattr(self, f.name).astype(np.int32) for f in fields(self)[1:]})
        counts = np.bincount(self.text, minlength=texts)
        return unflatten("edits", values.to_struct("edits"), counts, valid=counts > 0)

    def inverse(self) -> "Edits":
        """The edits that lead from the new texts to the old ones."""
        return Edits(self.text, self.new_start, self.new_end, self.old_start, self.old_end)

    def choose(self, edits: npt.NDArray[np.bool_]) -> "Edits":
        """The chosen edits (a mask)."""
        return Edits(*(getattr(self, f.name)[edits] for f in fields(self)))

    def take(self, texts: npt.NDArray[np.bool_]) -> "Edits":
        """The edits of the chosen texts (a mask), which are numbered anew."""
        return self.choose(texts[self.text]).renumber(np.cumsum(texts) - 1)

    def renumber(self, texts: npt.ArrayLike) -> "Edits":
        """The same edits of texts that stand elsewhere: what is text i here is texts[i] (ascending) there."""
        return Edits(np.asarray(texts)[self.text], self.old_start, self.old_end, self.new_start, self.new_end)

    def starts(self, text: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
        """Maps offsets that begin a span, (n,) from old to new; inside an edit: the edit's new start."""
        text, offset = np.asarray(text, dtype=np.int64), np.asarray(offset, dtype=np.int64)
        if len(self.text) == 0:
            return offset.copy()
        wanted = position_keys(text, offset)
        before = np.searchsorted(position_keys(self.text, self.old_end), wanted, side="right")
        result = self._after(text, offset, before - 1)
        at = np.minimum(before, len(self.text) - 1)
        inside = (before < len(self.text)) & (position_keys(self.text, self.old_start)[at] < wanted)
        return np.where(inside, self.new_start[at], result)

    def ends(self, text: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
        """Maps offsets that end a span, (n,) from old to new; inside an edit: the edit's new end."""
        text, offset = np.asarray(text, dtype=np.int64), np.asarray(offset, dtype=np.int64)
        if len(self.text) == 0:
            return offset.copy()
        wanted = position_keys(text, offset)
        begun = np.searchsorted(position_keys(self.text, self.old_start), wanted, side="left")
        result = self._after(text, offset, begun - 1)
        at = np.maximum(begun - 1, 0)
        inside = (begun > 0) & (position_keys(self.text, self.old_end)[at] > wanted)
        return np.where(inside, self.new_end[at], result)

    def _after(self, text: Array, offset: Array, edit: Array) -> Array:
        at = np.maximum(edit, 0)
        own = (edit >= 0) & (self.text[at] == text)
        return offset + np.where(own, self.new_end[at] - self.old_end[at], 0)


def compose(first: Edits, second: Edits) -> Edits:
    """The edits from a first version to a third, by way of a second."""
    if len(first.text) == 0 or len(second.text) == 0:
        return second if len(first.text) == 0 else first
    # In the middle version, what either touches; where the two overlap, or touch at a place where something was
    # deleted or is inserted, they become one edit.
    text = np.concatenate([first.text, second.text])
    start = np.concatenate([first.new_start, second.old_start])
    end = np.concatenate([first.new_end, second.old_end])
    order = np.argsort(position_keys(text, start), kind="stable")
    text, start, end = text[order], start[order], end[order]
    begin, reach = position_keys(text, start), np.maximum.accumulate(position_keys(text, end))
    apart = ~np.isin(begin, begin[start == end])
    opens = np.append(True, (begin[1:] > reach[:-1]) | ((begin[1:] == reach[:-1]) & apart[1:]))
    at = np.flatnonzero(opens)
    closes = np.append(at[1:], len(text)) - 1
    text, start, end = text[at], start[at], reach[closes] - (text[at] << _TEXT)
    # A deletion standing just at a bound belongs to the edit. As an end, a bound is mapped to before such a
    # deletion; as a start, to after it.
    back = first.inverse()
    return Edits.of(text, back.ends(text, start), back.starts(text, end), second.ends(text, start),
                    second.starts(text, end))  # fmt: skip


def align(pairs: Sequence[tuple[str, str]]) -> Edits:
    """The edits of each (old, new) pair of texts, by a shortest alignment (Levenshtein, rapidfuzz)."""
    rows = [
        (text, op.src_start, op.src_end, op.dest_start, op.dest_end)
        for text, (old, new) in enumerate(pairs)
        for op in Levenshtein.opcodes(old, new)
        if op.tag != "equal"
    ]
    return Edits.of(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
