"""What the steps of cleaning share: rewriting only the rows that need it, and saying how offsets moved."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.text.list_columns import Array, code_points, decode_code_points, offsets, row_ids
from mgm.text.offsets import Edits

Points = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]
Rewritten = tuple[pl.Series, Edits]
"""The texts after a step, row by row, and the edits from before it to after it."""
Step = Callable[[pl.Series], Rewritten]
"""A step of cleaning; where nothing changes it gives back the series that it was given."""
Change = Callable[[Points, Array], tuple[Points, Flags]]
"""From the code points of texts and the bounds of each: the points, some exchanged, and which ones stay."""


def rewrite_rows(texts: pl.Series, where: pl.Series, change: Change) -> Rewritten:
    """Exchanges and drops single characters in the rows `where`. What is dropped makes the edits."""
    rows = np.flatnonzero(where.to_numpy())
    if len(rows) == 0:
        return texts, Edits.none()
    chosen = texts.gather(rows)
    counts = chosen.str.len_chars().to_numpy().astype(np.int64)
    bounds = offsets(counts)
    points, keep = change(code_points(chosen), bounds)
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
    return replace_rows(texts, rows, changed), edits


def exchange_characters(texts: pl.Series, where: pl.Series, table: Points) -> Rewritten:
    """Exchanges characters one for one in the rows `where`: code point i below len(table) becomes table[i]."""

    def change(points: Points, bounds: Array) -> tuple[Points, Flags]:
        known = points < len(table)
        return np.where(known, table[np.where(known, points, 0)], points), np.ones(len(points), dtype=bool)

    return rewrite_rows(texts, where, change)


def replace_rows(texts: pl.Series, rows: Array, changed: pl.Series) -> pl.Series:
    """`texts` with row rows[i] replaced by changed[i]."""
    source = np.arange(len(texts))
    source[rows] = len(texts) + np.arange(len(rows))
    return pl.concat([texts, changed.alias(texts.name)]).gather(source)


def find_runs(mask: Flags, owner: Array) -> tuple[Array, Array, Array]:
    """The runs of True that do not cross from one owner to the next: their owner, start and end."""
    at = np.flatnonzero(mask)
    opens = np.ones(len(at), dtype=bool)
    opens[1:] = (np.diff(at) > 1) | (np.diff(owner[at]) > 0)
    closes = np.roll(opens, -1)  # a run closes where the next one opens; the first one always opens
    return owner[at[opens]], at[opens], at[closes] + 1


def character_class(points: list[int]) -> str:
    """A regular expression for one of these code points."""
    return "[" + "".join(rf"\x{{{point:x}}}" for point in points) + "]"


def membership_table(points: list[int]) -> Flags:
    """For each code point of the Basic Multilingual Plane whether it is one of these; see `among`."""
    table = np.zeros(0x10000, dtype=bool)
    table[points] = True
    return table


def is_member(table: Flags, points: Points) -> Flags:
    """Which points are in a `membership`."""
    return table[np.minimum(points, len(table) - 1)]  # U+FFFF is in no table
