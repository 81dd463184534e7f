"""The bounds of edits in the raw text: a word that lies in an edit begins and ends there on a character that is seen.

An edit may take in blanks beside the characters that it replaces: a repaired "Ã " was an "à", whose second byte had become a blank.
These blanks are cut off. An alignment may also find that characters were inserted, or stand for blanks alone: such an edit grows by a
neighbour, so that each word has raw characters.
"""

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import is_member
from mgm.text.cleaning.whitespace import IS_WHITE
from mgm.text.list_columns import Array, code_points, local_index, num_characters, offsets
from mgm.text.offsets import Edits, compose, join_overlapping


class _VisibleCharacters:
    """The characters of some texts that are no blanks."""

    def __init__(self, texts: pl.Series, rows: Array) -> None:
        self._rows = rows
        self._begin = offsets(num_characters(texts.gather(rows)))
        self.at = np.flatnonzero(~is_member(IS_WHITE, code_points(texts.gather(rows))))

    def sizes(self, rows: Array) -> Array:
        """Return the lengths of texts."""
        return np.diff(self._begin)[np.searchsorted(self._rows, rows)]

    def counts(self, rows: Array) -> Array:
        """Return the number of characters of texts that are no blanks."""
        return np.diff(np.searchsorted(self.at, self._begin))[np.searchsorted(self._rows, rows)]

    def shrink(self, row: Array, *, start: Array, end: Array) -> tuple[Array, Array]:
        """Return ranges without the blanks at their ends; one of blanks alone becomes empty."""
        base = self._begin[np.searchsorted(self._rows, row)]
        first, last = np.searchsorted(self.at, base + start), np.searchsorted(self.at, base + end)
        has_visible = first < last
        new_start, new_end = start.copy(), start.copy()
        new_start[has_visible] = self.at[first[has_visible]] - base[has_visible]
        new_end[has_visible] = self.at[last[has_visible] - 1] + 1 - base[has_visible]
        return new_start, new_end

    def neighbour(self, row: Array, *, start: Array, end: Array) -> Array:
        """Return a character outside each range: the one that touches it, else the one before it, else the one after; -1: none."""
        place = np.searchsorted(self._rows, row)
        base, limit = self._begin[place], self._begin[place + 1]
        index = np.searchsorted(self.at, base + end)
        after = np.append(self.at, -1)[index]
        before = np.append(-1, self.at)[np.searchsorted(self.at, base + start)]
        has_after, has_before = (after >= 0) & (after < limit), before >= base
        takes_after = has_after & ((after == base + end) | ~has_before)
        return np.where(takes_after, after - base, np.where(has_before, before - base, -1))


def keep_blanks_outside(edits: Edits, raw: pl.Series, *, clean: pl.Series) -> Edits:
    """Return the edits from raw to clean texts, with bounds on raw characters that are seen where a clean text has words."""
    rows = _rows_with_blank_bounds(edits, raw, clean=clean)
    if len(rows) == 0:
        return edits
    before = _VisibleCharacters(raw, rows)
    after: _VisibleCharacters | None = None
    while True:
        at = np.flatnonzero((edits.new_end > edits.new_start) & np.isin(edits.text, rows))
        part = edits.filter(at)
        start, end = before.shrink(part.text, start=part.old_start, end=part.old_end)
        shrinks = (start > part.old_start) | (end < part.old_end) | (start == end)
        at, part, start, end = at[shrinks], part.filter(shrinks), start[shrinks], end[shrinks]
        if len(at) == 0:
            return edits
        after = after or _VisibleCharacters(clean, rows)
        new_start, new_end = after.shrink(part.text, start=part.new_start, end=part.new_end)
        has_words = new_start < new_end
        neighbour = after.neighbour(part.text, start=part.new_start, end=part.new_end)
        is_blank = has_words & (start == end)
        alone = np.unique(part.text[is_blank & (neighbour < 0)])
        # All words of such a text lie in this edit, and what they came from elsewhere: aligned, it was taken for deleted.
        alone = alone[before.counts(alone) > 0]
        if len(alone):
            edits = _replace_whole(edits, alone, old_sizes=before.sizes(alone), new_sizes=after.sizes(alone))
            continue
        grows = is_blank & (neighbour >= 0)
        if not grows.any():
            break
        text, begin, stop = join_overlapping(
            part.text[grows],
            np.minimum(part.new_start, neighbour)[grows],
            end=np.maximum(part.new_end, neighbour + 1)[grows],
        )
        edits = compose(edits, Edits(text, begin, stop, begin, stop))
    is_cut = has_words & (start < end)
    return _cut(edits, at[is_cut], inner=Edits(part.text, start, end, new_start, new_end).filter(is_cut))


def _rows_with_blank_bounds(edits: Edits, raw: pl.Series, *, clean: pl.Series) -> Array:
    """Return the texts with words in an edit that begins or ends on a blank of the raw text, or where that has nothing; few have."""
    part = edits.filter(edits.new_end > edits.new_start)
    rows = np.unique(part.text)
    texts = raw.gather(rows)
    points, base = code_points(texts), offsets(num_characters(texts))[np.searchsorted(rows, part.text)]
    is_empty = part.old_start == part.old_end
    bounds = [base + part.old_start, base + part.old_end - 1]
    suspicious = is_empty.copy()
    for at in bounds:
        suspicious[~is_empty] |= is_member(IS_WHITE, points[at[~is_empty]])
    part = part.filter(suspicious)
    rows = np.unique(part.text)
    texts = clean.gather(rows)
    base = offsets(num_characters(texts))[np.searchsorted(rows, part.text)]
    # Most such edits make blanks of blanks, and hold no word.
    size = part.new_end - part.new_start
    place = np.repeat(base + part.new_start, size) + local_index(size)
    visible = offsets(~is_member(IS_WHITE, code_points(texts)[place]))[offsets(size)]
    return np.unique(part.text[np.diff(visible) > 0])


def _replace_whole(edits: Edits, rows: Array, *, old_sizes: Array, new_sizes: Array) -> Edits:
    """Return the edits with one of the whole text for each of these texts."""
    whole = Edits(rows, 0 * rows, old_sizes, 0 * rows, new_sizes)
    return Edits.union(edits.filter(~np.isin(edits.text, rows)), whole)


def _cut(edits: Edits, at: Array, *, inner: Edits) -> Edits:
    """Return the edits with edit at[i] cut where inner edit i begins and ends; a side where only the new text has blanks stays."""
    outer = edits.filter(at)
    new_start = np.where(inner.old_start > outer.old_start, inner.new_start, outer.new_start)
    new_end = np.where(inner.old_end < outer.old_end, inner.new_end, outer.new_end)
    sides = [
        Edits(outer.text, outer.old_start, inner.old_start, outer.new_start, new_start),
        Edits(outer.text, inner.old_end, outer.old_end, new_end, outer.new_end),
    ]
    # Equally many blanks move no offset.
    moved = [side.filter(side.old_end - side.old_start != side.new_end - side.new_start) for side in sides]
    words = Edits(outer.text, inner.old_start, inner.old_end, new_start, new_end)
    others = np.ones(len(edits.text), dtype=bool)
    others[at] = False
    return Edits.union(edits.filter(others), words, *moved)
