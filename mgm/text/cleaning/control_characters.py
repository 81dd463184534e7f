"""Cleaning step `control_characters`: characters without a width are dropped, unless they join what stands beside them.

They are control characters other than blanks, soft hyphens, zero-width characters, marks of direction, interlinear marks, tags and
noncharacters. Of those that carry meaning these stay, the first of a run:

- a zero-width joiner between two emoji: a family, a profession;
- tags that end as they must after an emoji: the flag of a region;
- a joiner or non-joiner after a virama, or between letters of scripts whose letters join (RFC 5892, appendix A.1 and A.2, without its
  table of joining types: a writer of Persian sets a non-joiner after letters too that would not join);
- a vowel separator between Mongolian letters.
"""

import numpy as np
import polars as pl

from mgm.text.characters import (
    EMOJI,
    EMOJI_MARKS,
    INVISIBLE,
    JOINING,
    MONGOLIAN_VOWEL_SEPARATOR,
    TAG_END,
    ZWJ,
    ZWNJ,
    invisible_table,
    members,
    viramas,
)
from mgm.text.cleaning.rewrite import Points, Rewritten, rewrite_rows
from mgm.text.list_columns import Array, Flags, row_ids

_HAS_INVISIBLE = f"[{INVISIBLE}]"
_IS_INVISIBLE = invisible_table()
_FIRST_TAG = 0xE0020
_MONGOLIAN = r"\p{Mongolian}&&[\p{L}\p{M}]"
_NONE = -1


def drop_invisible(texts: pl.Series) -> Rewritten:
    """Drop invisible characters, except for those that join what stands beside them."""
    return rewrite_rows(texts, where=texts.str.contains(_HAS_INVISIBLE), change=_drop)


def _drop(points: Points, bounds: Array) -> tuple[Points, Flags]:
    keep = ~_IS_INVISIBLE[points]
    is_tag = (points >= _FIRST_TAG) & (points <= TAG_END)
    joins = np.isin(points, [ZWNJ, ZWJ, MONGOLIAN_VOWEL_SEPARATOR]) | is_tag
    at = np.flatnonzero(joins)
    if len(at):
        stays = _meaningful(points, row_ids(np.diff(bounds)), visible=keep, at=at)
        keep[at[stays]] = True
    return points, keep


def _meaningful(points: Points, text: Array, *, visible: Flags, at: Array) -> Flags:
    """Return which joiners and tags, at these positions, join the visible characters on either side."""
    place = np.flatnonzero(visible)
    following = np.searchsorted(place, at)
    before = _same_text(np.append(_NONE, place)[following], text, at=at)
    after = _same_text(np.append(place, _NONE)[following], text, at=at)
    run = (
        following + text[at]
    )  # equal where joiners of one text stand between the same two visible characters
    extends = members(EMOJI_MARKS)[points]
    bases = np.maximum.accumulate(np.where(visible & ~extends, np.arange(len(points)), _NONE))
    base = _same_text(np.where(before == _NONE, _NONE, bases[before]), text, at=at)

    def has(table: Flags, position: Array) -> Flags:
        return (position != _NONE) & table[points[position]]

    point = points[at]
    is_joiner = (point == ZWJ) | (point == ZWNJ)
    emoji, joining, mongolian = members(EMOJI), members(JOINING), members(_MONGOLIAN)
    joins = (
        ((point == ZWJ) & has(emoji, base) & has(emoji, after))
        | (is_joiner & (has(viramas(), before) | (has(joining, before) & has(joining, after))))
        | ((point == MONGOLIAN_VOWEL_SEPARATOR) & has(mongolian, before) & has(mongolian, after))
    )
    first = np.zeros(len(at), dtype=bool)
    candidates = np.flatnonzero(joins)
    first[candidates[np.unique(run[candidates], return_index=True)[1]]] = True
    return first | _ends_as_it_must(point, run, follows=has(emoji, base))


def _same_text(position: Array, text: Array, *, at: Array) -> Array:
    """Return the positions, without those that are not in the text of `at`."""
    return np.where((position != _NONE) & (text[position] == text[at]), position, _NONE)


def _ends_as_it_must(point: Points, run: Array, *, follows: Flags) -> Flags:
    """Return which points are of a tag sequence: at least one tag and the tag that ends them, where they follow an emoji.

    Source: Unicode Technical Standard 51, ED-14a.
    """
    ends = np.flatnonzero(point == TAG_END)
    runs, first_of_run = np.unique(run[ends], return_index=True)
    end = np.full(len(point), _NONE)
    known = np.isin(run, runs)
    end[known] = ends[first_of_run][np.searchsorted(runs, run[known])]
    index = np.arange(len(point))
    inside = (point >= _FIRST_TAG) & (point <= TAG_END) & (index <= end) & follows
    counts = np.bincount(run[inside], minlength=int(run.max()) + 1)
    return inside & (counts[run] > 1)
