"""Cleaning step `control_characters`: characters without a width are dropped.

They are control characters other than blanks, soft hyphens, zero-width characters, marks of direction and interlinear marks.
"""

import polars as pl

from mgm.text.cleaning.rewrite import (
    Points,
    Rewritten,
    character_class,
    is_member,
    membership_table,
    rewrite_rows,
)
from mgm.text.list_columns import Array, Flags

_INVISIBLE = [
    *range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0), 0xAD, 0x61C, 0x180E,
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x2070), 0xFEFF,
    *range(0xFFF9, 0xFFFC),
]  # fmt: skip
_HAS_INVISIBLE = character_class(_INVISIBLE)
_IS_INVISIBLE = membership_table(_INVISIBLE)


def drop_invisible(texts: pl.Series) -> Rewritten:
    """Drop invisible characters."""
    return rewrite_rows(texts, where=texts.str.contains(_HAS_INVISIBLE), change=_drop)


def _drop(points: Points, bounds: Array) -> tuple[Points, Flags]:
    return points, ~is_member(_IS_INVISIBLE, points)
