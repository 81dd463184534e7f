"""Cleaning step `whitespace`: runs of blanks are collapsed, and paragraphs kept.

A run of blanks becomes one blank; a run with line breaks becomes one line break, or two (an empty line) if it had several; runs at
the beginning and the end of a text are dropped.
"""

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import (
    Points,
    Rewritten,
    find_runs,
    is_member,
    membership_table,
    rewrite_rows,
)
from mgm.text.list_columns import Array, Flags, offsets, row_ids

_BREAKS = [0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]
_BLANKS = [0x09, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
_IS_BREAK, _IS_BLANK = membership_table(_BREAKS), membership_table(_BLANKS)
IS_WHITE = _IS_BREAK | _IS_BLANK
"""The blanks and line breaks, Unicode's White_Space; see `is_member`."""

# Blanks that collapsing changes: all but a single one within a line, and one or two line breaks.
_HAS_IRREGULAR_BLANKS = r"^\s|\s$|[^\S \n]|  | \n|\n |\n\n\n"

MAX_BREAKS = 2  # an empty line, which ends a paragraph


def collapse_blanks(texts: pl.Series) -> Rewritten:
    """Collapse runs of blanks."""
    return rewrite_rows(texts, where=texts.str.contains(_HAS_IRREGULAR_BLANKS), change=_collapse)


def _collapse(points: Points, bounds: Array) -> tuple[Points, Flags]:
    breaks = is_member(_IS_BREAK, points)
    white = breaks | is_member(_IS_BLANK, points)
    text_of_point = row_ids(np.diff(bounds))
    # \r\n is one line break: its \r is a blank before it.
    breaks[:-1] &= ~((points[:-1] == 0x0D) & (points[1:] == 0x0A) & (text_of_point[:-1] == text_of_point[1:]))
    text, start, end = find_runs(white, text_of_point)
    run = row_ids(end - start)
    at = np.flatnonzero(white)
    break_at = breaks[at].astype(np.int64)
    breaks_before = offsets(break_at)
    # The number of breaks in the run up to this character, itself included.
    nth = breaks_before[1:] - breaks_before[offsets(end - start)[:-1]][run]
    has_break = np.bincount(run, weights=break_at, minlength=len(start))[run] > 0
    inner = ((start > bounds[text]) & (end < bounds[text + 1]))[run]
    stays = inner & np.where(has_break, (break_at > 0) & (nth <= MAX_BREAKS), at == start[run])
    keep = ~white
    keep[at] = stays
    new = points.copy()
    new[at] = np.where(has_break, 0x0A, 0x20)
    return new, keep
