"""Monotone lists of edits between two versions of a text, and the mapping of offsets through them.

Offsets are half-open ranges of Unicode code points. An edit records that [old_start, old_end) of the old text became
[new_start, new_end) of the new one. Between two edits both texts have the same length, and differ at most in characters that were
exchanged one for one (a tab for a blank, a full-width letter for a plain one): an exchange moves no offset and is no edit. A boundary
inside an edit snaps to the edit: a start to its start, an end to its end. The edits of a text are sorted and do not overlap. They may
touch: a word that was replaced keeps its own bounds beside another one, and beside a blank that was dropped. A bound where an edit
inserts or deletes lies outside of it: a span that ends there ends before it, and one that starts there starts after it.

All functions work on many texts at once. A position of text d is the key d * 2**32 + offset, so that one sorted array holds the
positions of all texts and one binary search finds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import Levenshtein

from mgm.text.list_columns import Array, Flags, flatten, lengths, row_ids, unflatten

EDIT = pl.Struct({"old_start": pl.Int32, "old_end": pl.Int32, "new_start": pl.Int32, "new_end": pl.Int32})
_OFFSET_BITS = 32


def position_keys(text: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
    """Return one sortable number for each offset of a text: (n,)."""
    return (np.asarray(text, dtype=np.int64) << _OFFSET_BITS) + np.asarray(offset, dtype=np.int64)


@dataclass(frozen=True)
class Edits:
    """The E edits of a batch of texts: five arrays (E,), sorted by text, then by position."""

    text: Array
    """The row of the edited text."""
    old_start: Array
    old_end: Array
    new_start: Array
    new_end: Array

    @classmethod
    def of(cls, text: npt.ArrayLike, *bounds: npt.ArrayLike) -> Self:
        """Create edits from sorted arrays or lists.

        Deletions that touch are one, as are insertions; what is neither long before nor after is left out.

        Args:
            text: the row of each edit's text, (E,).
            *bounds: old_start, old_end, new_start and new_end, each (E,).
        """
        edits = cls(*(np.asarray(a, dtype=np.int64) for a in (text, *bounds)))
        deletes, inserts = edits.new_start == edits.new_end, edits.old_start == edits.old_end
        if (deletes & inserts).any():
            return cls.of(*(getattr(edits, f.name)[~(deletes & inserts)] for f in fields(cls)))
        return edits._join((deletes[1:] & deletes[:-1]) | (inserts[1:] & inserts[:-1]))

    def _join(self, may_join: Flags) -> Self:
        """Return the edits with edit i and edit i + 1 as one where they touch and may_join[i], (E - 1,), is true."""
        joins = (
            may_join
            & (self.text[1:] == self.text[:-1])
            & (self.old_start[1:] == self.old_end[:-1])
            & (self.new_start[1:] == self.new_end[:-1])
        )
        if not joins.any():
            return self
        first, last = np.append(True, ~joins), np.append(~joins, True)
        return type(self)(
            self.text[first], self.old_start[first], self.old_end[last], self.new_start[first], self.new_end[last]
        )  # fmt: skip

    @classmethod
    def none(cls) -> Self:
        """Return an empty list of edits."""
        return cls.of(*[[] for _ in range(5)])

    @classmethod
    def union(cls, *parts: "Edits") -> Self:
        """Return the edits of all parts, which are of the same texts, sorted."""
        arrays = [np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)]
        text, start, end, *_ = arrays
        order = _order(text, start, end=end)
        return cls.of(*(array[order] for array in arrays))

    @classmethod
    def from_column(cls, column: pl.Series) -> Self:
        """Read a column list[EDIT]; null and an empty list: the text is unchanged."""
        values = flatten(column)
        if len(values) == 0:
            return cls.none()
        parts = [values.struct.field(f.name).to_numpy() for f in fields(cls)[1:]]
        return cls.of(row_ids(lengths(column)), *parts)

    def to_column(self, num_texts: int) -> pl.Series:
        """Return the column `edits`, list[EDIT], with a row for each text; null where a text has no edit."""
        values = pl.DataFrame({f.name: getattr(self, f.name).astype(np.int32) for f in fields(self)[1:]})
        counts = np.bincount(self.text, minlength=num_texts)
        return unflatten(values.to_struct("edits"), counts, name="edits", valid=counts > 0)

    def inverse(self) -> "Edits":
        """Return the edits that lead from the new texts to the old ones."""
        return Edits(self.text, self.new_start, self.new_end, self.old_start, self.old_end)

    def filter(self, which: Flags | Array) -> "Edits":
        """Return the edits where a mask (E,) is true, or those at some places, which ascend."""
        return Edits(*(getattr(self, f.name)[which] for f in fields(self)))

    def move_to_rows(self, rows: npt.ArrayLike) -> "Edits":
        """Return the same edits for texts in other rows: text i moves to row rows[i]; `rows` ascend."""
        return Edits(np.asarray(rows)[self.text], self.old_start, self.old_end, self.new_start, self.new_end)

    def map_starts(self, text: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
        """Map offsets where spans start from old to new texts, (n,); inside an edit: to the edit's new start."""
        text, offset = np.asarray(text, dtype=np.int64), np.asarray(offset, dtype=np.int64)
        if len(self.text) == 0:
            return offset.copy()
        position = position_keys(text, offset)
        before = np.searchsorted(position_keys(self.text, self.old_end), position, side="right")
        result = self._after(text, offset, edit=before - 1)
        at = np.minimum(before, len(self.text) - 1)
        inside = (before < len(self.text)) & (position_keys(self.text, self.old_start)[at] < position)
        return np.where(inside, self.new_start[at], result)

    def map_ends(self, text: npt.ArrayLike, offset: npt.ArrayLike) -> Array:
        """Map offsets where spans end from old to new texts, (n,); inside an edit: to the edit's new end."""
        text, offset = np.asarray(text, dtype=np.int64), np.asarray(offset, dtype=np.int64)
        if len(self.text) == 0:
            return offset.copy()
        position = position_keys(text, offset)
        begun = np.searchsorted(position_keys(self.text, self.old_start), position, side="left")
        result = self._after(text, offset, edit=begun - 1)
        at = np.maximum(begun - 1, 0)
        inside = (begun > 0) & (position_keys(self.text, self.old_end)[at] > position)
        return np.where(inside, self.new_end[at], result)

    def _after(self, text: Array, offset: Array, *, edit: Array) -> Array:
        at = np.maximum(edit, 0)
        same_text = (edit >= 0) & (self.text[at] == text)
        return offset + np.where(same_text, self.new_end[at] - self.old_end[at], 0)


def compose(first: Edits, second: Edits) -> Edits:
    """Return the edits from a first version of texts to the third, given those to the second and from there to the third."""
    if len(first.text) == 0 or len(second.text) == 0:
        return second if len(first.text) == 0 else first
    # The ranges of the middle version that either edit touches. They become one edit where they overlap; where they only meet they
    # stay apart, so that what was dropped beside a replaced word is no part of it.
    text, start, end = join_overlapping(
        np.concatenate([first.text, second.text]),
        np.concatenate([first.new_start, second.old_start]),
        end=np.concatenate([first.new_end, second.old_end]),
    )
    # What the first edits deleted, or the second ones insert, at a bound is a range of its own there, which is empty: its bounds lie
    # before and after it, and those of a range beside it leave it out.
    back, empty = first.inverse(), np.flatnonzero(start == end)
    bounds = [
        back.map_starts(text, start),
        back.map_ends(text, end),
        second.map_starts(text, start),
        second.map_ends(text, end),
    ]
    text_of_empty, place = text[empty], start[empty]
    for side, edits in enumerate((back, second)):
        bounds[2 * side][empty] = edits.map_ends(text_of_empty, place)
        bounds[2 * side + 1][empty] = edits.map_starts(text_of_empty, place)
    return Edits.of(text, *bounds)


def join_overlapping(text: Array, start: Array, *, end: Array) -> tuple[Array, Array, Array]:
    """Return ranges of texts, sorted, with those that overlap as one; empty ones in one place are one too: three arrays."""
    order = _order(text, start, end=end)
    text, start, end = text[order], start[order], end[order]
    begin, reach = position_keys(text, start), np.maximum.accumulate(position_keys(text, end))
    opens = np.ones(len(text), dtype=bool)
    repeats = (start[1:] == end[1:]) & (start[:-1] == end[:-1]) & (begin[1:] == begin[:-1])
    opens[1:] = (begin[1:] >= reach[:-1]) & ~repeats
    at = np.flatnonzero(opens)
    closes = np.append(at[1:], len(text)) - 1
    return text[at], start[at], reach[closes] - (text[at] << _OFFSET_BITS)


def _order(text: Array, start: Array, *, end: Array) -> Array:
    """Return the order of ranges, an empty one before others that begin where it lies; fast for a few sorted lists one after another."""
    return np.argsort((position_keys(text, start) << 1) + (end > start), kind="stable")


def align(pairs: Sequence[tuple[str, str]]) -> Edits:
    """Return the edits of each (old, new) pair of texts, by a shortest alignment (Levenshtein distance, rapidfuzz).

    What lies between two characters that stayed is one edit.
    """
    rows = [
        (text, op.src_start, op.src_end, op.dest_start, op.dest_end)
        for text, (old, new) in enumerate(pairs)
        for op in Levenshtein.opcodes(old, new)
        if op.tag != "equal"
    ]
    edits = Edits(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)
    return edits._join(np.ones(max(len(rows) - 1, 0), dtype=bool))
