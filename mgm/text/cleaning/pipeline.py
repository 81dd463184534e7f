"""The cleaning pipeline: the steps that the settings switch on, in the order of `STEPS`, and the documents that are rejected.

A step is a module of this package that is named as its setting. To add one: write the module, and add it to `STEPS` here and its
setting to `CleaningSettings`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from itertools import pairwise
from operator import or_

import numpy as np
import polars as pl

from mgm.corpus.parts import Transformed
from mgm.corpus.rejects import SPAN_IN_DELETION, TEXT_TOO_LONG, TEXT_TOO_SHORT, split_rejected
from mgm.corpus.statistics import Statistics
from mgm.settings.text import CleaningSettings
from mgm.tasks import SPAN
from mgm.text.cleaning.control_characters import drop_invisible
from mgm.text.cleaning.html import extract_text
from mgm.text.cleaning.mask import mask_identifiers
from mgm.text.cleaning.mojibake import repair_encoding
from mgm.text.cleaning.plain import find_plain
from mgm.text.cleaning.raw_bounds import keep_blanks_outside
from mgm.text.cleaning.rewrite import Step, replace_rows
from mgm.text.cleaning.simplified import simplify_chinese
from mgm.text.cleaning.unicode import normalizer
from mgm.text.cleaning.whitespace import collapse_blanks
from mgm.text.cleaning.width import width_folder
from mgm.text.list_columns import Flags, flatten, lengths, num_characters, offsets, row_ids
from mgm.text.offsets import Edits, compose

BATCH_CHARACTERS = 4_000_000
"""Texts are cleaned in batches of this many characters (at least one text), to bound memory: a step that rewrites all of them
needs up to 100 bytes a character."""

STEPS: dict[str, Callable[[CleaningSettings], Step | None]] = {
    "html": lambda settings: extract_text if settings.html else None,
    "mojibake": lambda settings: repair_encoding if settings.mojibake else None,
    "control_characters": lambda settings: drop_invisible if settings.control_characters else None,
    "unicode": lambda settings: normalizer(settings.unicode),
    "width": lambda settings: width_folder(settings.width),
    "simplified": lambda settings: simplify_chinese if settings.simplified else None,
    "whitespace": lambda settings: collapse_blanks if settings.whitespace else None,
    "mask": lambda settings: partial(mask_identifiers, kinds=settings.mask) if settings.mask else None,
}
"""Each step by the name of its setting, in the order in which they are applied; None where it is switched off."""


def build_steps(settings: CleaningSettings) -> dict[str, Step]:
    """Return the steps that are switched on, by name, in their order."""
    steps = {name: build(settings) for name, build in STEPS.items()}
    return {name: step for name, step in steps.items() if step is not None}


def clean(
    frame: pl.DataFrame, settings: CleaningSettings, *, min_chars: int = 1, for_words: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Clean the column `text` and add `edits` (list[EDIT], null where no offset moved).

    Args:
        frame: documents. A document is rejected if cleaning deletes a whole labelled span; offsets of labels stay raw.
        settings: the steps to apply; `max_chars` limits the raw text.
        min_chars: the fewest characters of a cleaned text.
        for_words: whether only the words of the cleaned texts are read, and the gaps between them: then blanks are not collapsed
            where this is all that cleaning would do, which takes less time.

    Returns:
        The rows kept, in their order, and the rejected ones (doc_id, reasons, values).
    """
    transformed = clean_with_statistics(frame, settings, min_chars=min_chars, for_words=for_words)
    return transformed.kept, transformed.rejected


def clean_with_statistics(
    frame: pl.DataFrame, settings: CleaningSettings, *, min_chars: int = 1, for_words: bool = False
) -> Transformed:
    """Clean as `clean` does, and count the kept documents that were changed.

    The counts are `edited`, and `steps/<name>` for each step that is switched on.
    """
    raw = frame["text"].fill_null("")
    too_long = raw.str.len_chars() > settings.max_chars
    cleaned = _apply_steps(
        raw.set(too_long, "") if too_long.any() else raw,
        settings,
        min_visible=min_chars if for_words else None,
    )
    text, edits = cleaned.texts, cleaned.edits
    kept = frame.with_columns(text=text, edits=edits.to_column(frame.height))
    reasons = {
        TEXT_TOO_LONG: too_long,
        TEXT_TOO_SHORT: (text.str.len_chars() < min_chars) & ~too_long,
        SPAN_IN_DELETION: pl.Series(_has_deleted_span(frame, edits)),
    }
    stays = ~reduce(or_, reasons.values()).to_numpy()
    statistics = Statistics()
    statistics.count("edited", ((raw != text).to_numpy() & stays).sum())
    for name, changed in cleaned.changed.items():
        statistics.count(f"steps/{name}", (changed & stays).sum())
    return Transformed(*split_rejected(frame, kept, reasons=reasons), statistics)


def clean_texts(texts: pl.Series, settings: CleaningSettings) -> tuple[pl.Series, Edits]:
    """Return the cleaned texts, row by row, and the edits from raw to clean."""
    cleaned = _apply_steps(texts, settings)
    return cleaned.texts, cleaned.edits


@dataclass(frozen=True, kw_only=True)
class _CleanedTexts:
    texts: pl.Series
    edits: Edits
    changed: dict[str, Flags]
    """Flags of the texts that each step changed, by step."""


def _apply_steps(
    texts: pl.Series, settings: CleaningSettings, *, min_visible: int | None = None
) -> _CleanedTexts:
    """Apply the steps to the texts that they may change; for `min_visible` see `find_plain`."""
    steps = build_steps(settings)
    found = None if settings.html else find_plain(texts, settings, min_visible=min_visible)
    if found is None:
        return _apply_to_all(texts, steps)
    changed = {name: np.zeros(len(texts), dtype=bool) for name in steps}
    parts = [Edits.none()]
    all_steps, mask = np.flatnonzero(~(found.plain | found.but_masked)), np.flatnonzero(found.but_masked)
    if len(all_steps):
        some = _apply_to_all(texts.gather(all_steps), steps)
        for name, flags in some.changed.items():
            changed[name][all_steps] = flags
        texts = replace_rows(texts, all_steps, changed=some.texts)
        parts.append(some.edits.move_to_rows(all_steps))
    if len(mask):
        # what is masked neither begins nor ends with a blank
        masked, edits = mask_identifiers(texts.gather(mask), settings.mask)
        changed["mask"][mask[edits.text]] = True
        texts = replace_rows(texts, mask, changed=masked)
        parts.append(edits.move_to_rows(mask))
    return _CleanedTexts(texts=texts, edits=Edits.union(*parts), changed=changed)


def _apply_to_all(texts: pl.Series, steps: dict[str, Step]) -> _CleanedTexts:
    changed = {name: np.zeros(len(texts), dtype=bool) for name in steps}
    cleaned_batches, edits_of_batches = [texts.clear()], [Edits.none()]
    for first, end in _batches(texts):
        batch, edits = texts[first:end], Edits.none()
        for name, step in steps.items():
            before = batch
            batch, step_edits = step(before)
            if batch is not before:
                changed[name][first:end] = (batch != before).to_numpy()
                edits = compose(edits, step_edits)
        edits = keep_blanks_outside(edits, texts[first:end], clean=batch)
        cleaned_batches.append(batch)
        edits_of_batches.append(edits.move_to_rows(np.arange(first, end)))
    return _CleanedTexts(
        texts=pl.concat(cleaned_batches), edits=Edits.union(*edits_of_batches), changed=changed
    )


def _batches(texts: pl.Series) -> Iterator[tuple[int, int]]:
    """Yield the rows [first, end) of each batch."""
    batch = offsets(num_characters(texts))[:-1] // BATCH_CHARACTERS
    yield from pairwise([0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(texts)])


def _has_deleted_span(frame: pl.DataFrame, edits: Edits) -> Flags:
    """Return which rows have a labelled span that cleaning deletes entirely."""
    has_deleted = np.zeros(frame.height, dtype=bool)
    for column in frame.iter_columns():
        if column.dtype == pl.List(SPAN) and len(edits.text):
            text, spans = row_ids(lengths(column)), flatten(column)
            start, end = spans.struct.field("start").to_numpy(), spans.struct.field("end").to_numpy()
            deleted = (edits.map_ends(text, end) <= edits.map_starts(text, start)) & (end > start)
            has_deleted[text[deleted]] = True
    return has_deleted
