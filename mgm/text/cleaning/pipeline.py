"""Cleaning as a whole: the steps that the settings switch on, one after another, and what is rejected.

Each step works only on the rows that a regular expression says it may change. The steps and their order:
html, mojibake, control_characters, unicode, width, simplified, whitespace, mask.
"""

from collections.abc import Iterator
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
from mgm.text.cleaning.rewrite import Flags, Step
from mgm.text.cleaning.simplified import simplify_chinese
from mgm.text.cleaning.unicode import normalize_unicode
from mgm.text.cleaning.whitespace import collapse_blanks
from mgm.text.cleaning.width import fold_width
from mgm.text.list_columns import flatten, lengths, offsets, row_ids
from mgm.text.offsets import Edits, compose

BATCH_CHARACTERS = 4_000_000
"""Texts are cleaned in batches of so many characters (or one text), which bounds memory: a step that rewrites
all of them holds up to 100 bytes a character."""


def build_steps(settings: CleaningSettings) -> dict[str, Step]:
    """The steps that are switched on, by name, in their order."""
    width, form = settings.width, settings.unicode
    found: dict[str, Step | None] = {
        "html": extract_text if settings.html else None,
        "mojibake": repair_encoding if settings.mojibake else None,
        "control_characters": drop_invisible if settings.control_characters else None,
        "unicode": partial(normalize_unicode, form="NFC" if form == "nfc" else "NFKC")
        if form != "none"
        else None,
        "width": partial(fold_width, which=width) if width != "none" else None,
        "simplified": simplify_chinese if settings.simplified else None,
        "whitespace": collapse_blanks if settings.whitespace else None,
        "mask": partial(mask_identifiers, kinds=settings.mask) if settings.mask else None,
    }
    return {name: step for name, step in found.items() if step is not None}


def clean(
    frame: pl.DataFrame, settings: CleaningSettings, min_chars: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cleans the column `text` and adds `edits` (list[EDIT], null where no offset moved).

    Args:
        frame: documents; spans of tagging columns are checked, and stay in raw offsets.
        settings: what is cleaned; `max_chars` limits the raw text.
        min_chars: the fewest characters of a cleaned text.

    Returns:
        The rows kept, in their order, and the rejected ones (doc_id, reasons, values).
    """
    made = clean_with_statistics(frame, settings, min_chars)
    return made.kept, made.rejected


def clean_with_statistics(frame: pl.DataFrame, settings: CleaningSettings, min_chars: int = 1) -> Transformed:
    """As `clean`, with the number of kept documents that were changed: `edited`, and `steps/<name>` for each
    step that is switched on."""
    raw = frame["text"].fill_null("")
    too_long = raw.str.len_chars() > settings.max_chars
    cleaned = _clean(raw.set(too_long, "") if too_long.any() else raw, settings)
    text, edits = cleaned.texts, cleaned.edits
    kept = frame.with_columns(text=text, edits=edits.to_column(frame.height))
    reasons = {
        TEXT_TOO_LONG: too_long,
        TEXT_TOO_SHORT: (text.str.len_chars() < min_chars) & ~too_long,
        SPAN_IN_DELETION: pl.Series(_span_in_deletion(frame, edits)),
    }
    stays = ~reduce(or_, reasons.values()).to_numpy()
    statistics = Statistics()
    statistics.count("edited", ((raw != text).to_numpy() & stays).sum())
    for name, changed in cleaned.changed.items():
        statistics.count(f"steps/{name}", (changed & stays).sum())
    return Transformed(*split_rejected(frame, kept, reasons), statistics)


def clean_texts(texts: pl.Series, settings: CleaningSettings) -> tuple[pl.Series, Edits]:
    """The cleaned texts, row by row, and the edits from raw to clean."""
    cleaned = _clean(texts, settings)
    return cleaned.texts, cleaned.edits


@dataclass(frozen=True)
class _Cleaned:
    texts: pl.Series
    edits: Edits
    changed: dict[str, Flags]
    """For each step which texts it changed."""


def _clean(texts: pl.Series, settings: CleaningSettings) -> _Cleaned:
    chosen = build_steps(settings)
    changed = {name: np.zeros(len(texts), dtype=bool) for name in chosen}
    done, found = [texts.clear()], [Edits.none()]
    for first, last in _batches(texts):
        batch, edits = texts[first:last], Edits.none()
        for name, step in chosen.items():
            before = batch
            batch, fresh = step(before)
            if batch is not before:
                changed[name][first:last] = (batch != before).to_numpy()
                edits = compose(edits, fresh)
        done.append(batch)
        found.append(edits.renumber(np.arange(first, last)))
    return _Cleaned(pl.concat(done), Edits.joined(*found), changed)


def _batches(texts: pl.Series) -> Iterator[tuple[int, int]]:
    """The first row of each batch, and the one after its last."""
    number = offsets(texts.str.len_chars().to_numpy().astype(np.int64))[:-1] // BATCH_CHARACTERS
    bounds = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(texts)]
    yield from pairwise(bounds)


def _span_in_deletion(frame: pl.DataFrame, edits: Edits) -> Flags:
    """Which rows have a span of which cleaning leaves nothing."""
    bad = np.zeros(frame.height, dtype=bool)
    for column in frame.iter_columns():
        if column.dtype == pl.List(SPAN) and len(edits.text):
            text, spans = row_ids(lengths(column)), flatten(column)
            start, end = spans.struct.field("start").to_numpy(), spans.struct.field("end").to_numpy()
            gone = (edits.ends(text, end) <= edits.starts(text, start)) & (end > start)
            bad[text[gone]] = True
    return bad
