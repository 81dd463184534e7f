"""Helpers of cleaning steps: rewrite only the rows that need it, and return the edits that map offsets."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.text.list_columns import (
    Array,
    Flags,
    code_points,
    decode_code_points,
    num_characters,
    offsets,
    row_ids,
)
from mgm.text.offsets import Edits

Points = npt.NDArray[np.uint32]
Rewritten = tuple[pl.Series, Edits]
"""The texts after a step, row by row, and the edits from the texts before it."""
Step = Callable[[pl.Series], Rewritten]
"""A step of cleaning. If it changes no text, it returns the same series object."""
Change = Callable[[Points, Array], tuple[Points, Flags]]
"""A change of single characters: called with the code points of texts, (n,), and the bounds of each text, (texts + 1,); returns the
code points, some exchanged, and which of them are kept, both (n,)."""


def rewrite_rows(texts: pl.Series, *, where: pl.Series, change: Change) -> Rewritten:
    """Exchange and drop single characters in the rows where `where` is true; the edits are the dropped characters."""
    rows = np.flatnonzero(where.to_numpy())
    if len(rows) == 0:
        return texts, Edits.none()
    old = texts.gather(rows)
    counts = num_characters(old)
    bounds = offsets(counts)
    points, keep = change(code_points(old), bounds)
    kept_before = offsets(keep)
    changed = decode_code_points(points[keep], np.diff(kept_before[bounds]))
    text, start, end = find_runs(~keep, row_ids(counts))
    base = bounds[text]
    edits = Edits.of(
        rows[text],
        start - base,
        end - base,
        kept_before[start] - kept_before[base],
        kept_before[end] - kept_before[base],
    )
    return replace_rows(texts, rows, changed=changed), edits


def exchange_characters(texts: pl.Series, *, where: pl.Series, table: Points) -> Rewritten:
    """Exchange characters one for one in the rows where `where` is true: code point i below len(table) becomes table[i]."""

    def change(points: Points, bounds: Array) -> tuple[Points, Flags]:
        known = points < len(table)
        return np.where(known, table[np.where(known, points, 0)], points), np.ones(len(points), dtype=bool)

    return rewrite_rows(texts, where=where, change=change)


def replace_rows(texts: pl.Series, rows: Array, *, changed: pl.Series) -> pl.Series:
    """Return `texts` with row rows[i] replaced by changed[i]."""
    source = np.arange(len(texts))
    source[rows] = len(texts) + np.arange(len(rows))
    return pl.concat([texts, changed.alias(texts.name)]).gather(source)


def find_runs(mask: Flags, row: Array) -> tuple[Array, Array, Array]:
    """Return the row, start and end of each run of True; a run does not cross from one row to the next."""
    at = np.flatnonzero(mask)
    opens = np.ones(len(at), dtype=bool)
    opens[1:] = (np.diff(at) > 1) | (np.diff(row[at]) > 0)
    closes = np.roll(opens, -1)  # a run closes where the next one opens; the first one always opens
    return row[at[opens]], at[opens], at[closes] + 1


def character_class(points: list[int]) -> str:
    """Return a regular expression that matches one of these code points."""
    return "[" + "".join(rf"\x{{{point:x}}}" for point in points) + "]"


def membership_table(points: list[int]) -> Flags:
    """Return, for each code point of the Basic Multilingual Plane, whether it is one of these; see `is_member`."""
    table = np.zeros(0x10000, dtype=bool)
    table[points] = True
    return table


def is_member(table: Flags, points: Points) -> Flags:
    """Return which points a `membership_table` has."""
    return table[np.minimum(points, len(table) - 1)]  # U+FFFF is in no table
