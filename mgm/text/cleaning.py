"""Cleaning: Unicode form, invisible characters and blanks, with the edits that lead back to the raw text.

Only the rows that a regular expression or a comparison says would change are worked on; in the others `edits`
is null. The steps, in this order: invisible characters go, the Unicode form is made, blanks are collapsed.
Collapsing makes of a run of blanks one blank, of a run with line breaks one line break or two, and of a run
at the text's ends nothing.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.corpus.rejects import SPAN_IN_DELETION, TEXT_TOO_LONG, TEXT_TOO_SHORT, split_rejected
from mgm.settings import CleaningSettings
from mgm.tasks import COLUMN_TYPES
from mgm.text.lists import Array, code_points, flat, lengths, offsets, owners, texts_of
from mgm.text.offsets import Edits, aligned, compose

Points = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]
Step = Callable[[Points, Array], tuple[Points, Mask]]
"""From the code points of texts and the bounds of each: the points, some replaced, and which ones stay."""

# Control characters that are no blanks, soft hyphens, zero-width characters, marks of direction, interlinear
# marks.
_INVISIBLE = [
    *range(0x00, 0x09), *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0), 0xAD, 0x61C, 0x180E,
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x2066, 0x2070), 0xFEFF,
    *range(0xFFF9, 0xFFFC),
]  # fmt: skip
_BREAKS = [0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]
_BLANKS = [0x09, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]

_HAS_INVISIBLE = "[" + "".join(rf"\x{{{point:x}}}" for point in _INVISIBLE) + "]"
# Whatever collapsing would change: all blanks but a lone one inside a line, and one or two line breaks.
_HAS_IRREGULAR_BLANKS = r"^\s|\s$|[^\S \n]|  | \n|\n |\n\n\n"

MAX_BREAKS = 2  # an empty line, which ends a paragraph


def clean(
    frame: pl.DataFrame, settings: CleaningSettings, min_chars: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cleans the column `text` and adds `edits` (list[EDIT], null where the text is unchanged).

    Args:
        frame: documents; spans of tagging columns are checked, and stay in raw offsets.
        settings: what is cleaned; `max_chars` limits the raw text.
        min_chars: the fewest characters of a cleaned text.

    Returns:
        The rows kept, in their order, and the rejected ones (doc_id, reasons, values).
    """
    raw = frame["text"].fill_null("")
    too_long = raw.str.len_chars() > settings.max_chars
    text, edits = clean_texts(raw.set(too_long, "") if too_long.any() else raw, settings)
    kept = frame.with_columns(text=text, edits=edits.to_column(frame.height))
    reasons = {
        TEXT_TOO_LONG: too_long,
        TEXT_TOO_SHORT: (text.str.len_chars() < min_chars) & ~too_long,
        SPAN_IN_DELETION: pl.Series(_span_in_deletion(frame, edits)),
    }
    return split_rejected(frame, kept, reasons)


def clean_texts(texts: pl.Series, settings: CleaningSettings) -> tuple[pl.Series, Edits]:
    """The cleaned texts, row by row, and the edits from raw to clean."""
    edits = Edits.none()
    if settings.control_characters:
        texts, edits = _apply(_drop_invisible, texts, texts.str.contains(_HAS_INVISIBLE), edits)
    if settings.unicode != "none":
        form = texts.str.normalize("NFC" if settings.unicode == "nfc" else "NFKC")
        changed = (form != texts).to_numpy()
        if changed.any():
            new = aligned(list(zip(texts.filter(changed), form.filter(changed), strict=True)))
            texts, edits = form, compose(edits, new.renumber(np.flatnonzero(changed)))
    if settings.whitespace:
        texts, edits = _apply(_collapse_blanks, texts, texts.str.contains(_HAS_IRREGULAR_BLANKS), edits)
    return texts, edits


def _apply(step: Step, texts: pl.Series, where: pl.Series, edits: Edits) -> tuple[pl.Series, Edits]:
    rows = np.flatnonzero(where.to_numpy())
    if len(rows) == 0:
        return texts, edits
    chosen = texts.gather(rows)
    counts = chosen.str.len_chars().to_numpy().astype(np.int64)
    bounds = offsets(counts)
    old = code_points(chosen)
    new, keep = step(old, bounds)
    kept_before = offsets(keep)
    changed = texts_of(new[keep], np.diff(kept_before[bounds]))
    source = np.arange(len(texts))
    source[rows] = len(texts) + np.arange(len(rows))
    text, start, end = _runs(~keep | (new != old), owners(counts))
    base = bounds[text]
    fresh = Edits.of(
        rows[text],
        start - base,
        end - base,
        kept_before[start] - kept_before[base],
        kept_before[end] - kept_before[base],
    )
    return pl.concat([texts, changed]).gather(source), compose(edits, fresh)


def _runs(mask: Mask, owner: Array) -> tuple[Array, Array, Array]:
    """The runs of True that do not cross from one owner to the next: their owner, start and end."""
    at = np.flatnonzero(mask)
    opens = np.ones(len(at), dtype=bool)
    opens[1:] = (np.diff(at) > 1) | (np.diff(owner[at]) > 0)
    closes = np.roll(opens, -1)  # a run closes where the next one opens; the first one always opens
    return owner[at[opens]], at[opens], at[closes] + 1


def _table(points: list[int]) -> Mask:
    table = np.zeros(0x10000, dtype=bool)
    table[points] = True
    return table


_IS_INVISIBLE, _IS_BREAK, _IS_BLANK = _table(_INVISIBLE), _table(_BREAKS), _table(_BLANKS)


def _in(table: Mask, points: Points) -> Mask:
    return table[np.minimum(points, len(table) - 1)]  # U+FFFF is in no table


def _drop_invisible(points: Points, bounds: Array) -> tuple[Points, Mask]:
    return points, ~_in(_IS_INVISIBLE, points)


def _collapse_blanks(points: Points, bounds: Array) -> tuple[Points, Mask]:
    breaks = _in(_IS_BREAK, points)
    white = breaks | _in(_IS_BLANK, points)
    owner = owners(np.diff(bounds))
    # \r\n is one line break: its \r is a blank before it.
    breaks[:-1] &= ~((points[:-1] == 0x0D) & (points[1:] == 0x0A) & (owner[:-1] == owner[1:]))
    text, start, end = _runs(white, owner)
    run = owners(end - start)
    at = np.flatnonzero(white)
    break_at = breaks[at].astype(np.int64)
    breaks_before = offsets(break_at)
    nth = (
        breaks_before[1:] - breaks_before[offsets(end - start)[:-1]][run]
    )  # how many breaks of its run, itself included
    has_break = np.bincount(run, weights=break_at, minlength=len(start))[run] > 0
    inner = ((start > bounds[text]) & (end < bounds[text + 1]))[run]
    stays = inner & np.where(has_break, (break_at > 0) & (nth <= MAX_BREAKS), at == start[run])
    keep = ~white
    keep[at] = stays
    new = points.copy()
    new[at] = np.where(has_break, 0x0A, 0x20)
    return new, keep


def _span_in_deletion(frame: pl.DataFrame, edits: Edits) -> Mask:
    """Which rows have a span of which cleaning leaves nothing."""
    bad = np.zeros(frame.height, dtype=bool)
    for column in frame.iter_columns():
        if column.dtype == COLUMN_TYPES["tagging"] and len(edits.text):
            text, spans = owners(lengths(column)), flat(column)
            start, end = spans.struct.field("start").to_numpy(), spans.struct.field("end").to_numpy()
            gone = (edits.ends(text, end) <= edits.starts(text, start)) & (end > start)
            bad[text[gone]] = True
    return bad
