"""Cleaning step `unicode`: the normal forms NFC and NFKC (Unicode Standard Annex 15)."""

from functools import partial
from typing import Literal

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import Points, Rewritten, Step, exchange_characters, replace_rows
from mgm.text.list_columns import (
    Array,
    code_points,
    decode_code_points,
    local_index,
    num_characters,
    offsets,
    row_ids,
)
from mgm.text.offsets import Edits, align

Form = Literal["NFC", "NFKC"]
FORMS: dict[str, Form] = {"nfc": "NFC", "nfkc": "NFKC"}
"""The form that a value of the setting names; none for "none"."""

# A text without any of these characters is in the form already: characters below U+0300 are in NFC with any neighbours,
# and ASCII is in NFKC.
_MAY_CHANGE: dict[Form, str] = {"NFC": r"[^\x00-\x{2ff}]", "NFKC": r"[^\x00-\x7f]"}

# Characters that may join the one before them: marks; vowels and final consonants of Hangul, also as compatibility jamo and
# half-width; the voiced marks of half-width katakana.
JOINING = r"[\p{M}\x{1160}-\x{11ff}\x{3131}-\x{318e}\x{ff9e}\x{ff9f}\x{ffa0}-\x{ffdc}]"
_LOWEST: dict[Form, int] = {"NFC": 0x300, "NFKC": 0x80}
"""Characters below join none, and are their own form."""
_NUM_POINTS = 0x110000


def normalizer(setting: Literal["nfc", "nfkc", "none"]) -> Step | None:
    """Return the step for a value of the setting; None for "none"."""
    return partial(normalize_unicode, form=FORMS[setting]) if setting in FORMS else None


def normalize_unicode(texts: pl.Series, form: Form) -> Rewritten:
    """Return the texts in a normal form.

    A character whose form is one character is exchanged first, which moves no offset; it does not change the result, since a text is
    equivalent to the text of its characters' forms. What then changes its length is a single character that becomes several (a
    ligature), or a character with its combining marks; each is one edit.
    """
    rows = np.flatnonzero(texts.str.contains(_MAY_CHANGE[form]).to_numpy())
    old = texts.gather(rows)
    normal = old.str.normalize(form)
    changed = (normal != old).to_numpy()
    if not changed.any():
        return texts, Edits.none()
    rows, old, normal = rows[changed], old.filter(changed), normal.filter(changed)
    exchanged, _ = exchange_characters(
        old, where=pl.repeat(True, len(old), eager=True), table=_single_character_forms(old, form)
    )
    moved = exchanged != normal
    edits = _edits(exchanged.filter(moved), normal.filter(moved), form=form)
    return replace_rows(texts, rows, changed=normal), edits.move_to_rows(rows[moved.to_numpy()])


def _edits(old: pl.Series, new: pl.Series, *, form: Form) -> Edits:
    """Return the edits between texts and their normal forms.

    A text that its characters with their marks, normalized one by one, do not add up to is aligned.
    """
    sizes, points = num_characters(old), code_points(old)
    begin, row = offsets(sizes), row_ids(sizes)
    start, width = _clusters(points, begin, form=form)
    text = row[start]
    at = np.repeat(start, width) + local_index(width)
    clusters = decode_code_points(points[at], width)
    forms = clusters.str.normalize(form)
    new_width = num_characters(forms)
    gain = new_width - width
    # Two neighbours that join, which only letters newer than these tables do, make a text shorter.
    fits = sizes + np.bincount(text, weights=gain, minlength=len(old)) == num_characters(new)

    moved = (forms != clusters).to_numpy() & fits[text]
    start, width, new_width, gain, text = (part[moved] for part in (start, width, new_width, gain, text))
    before = offsets(gain)[:-1]
    old_start = start - begin[text]
    new_start = old_start + before - before[np.searchsorted(text, text)]
    exact = Edits.of(text, old_start, old_start + width, new_start, new_start + new_width)
    rest = np.flatnonzero(~fits)
    rough = align(list(zip(old.gather(rest), new.gather(rest), strict=True))).move_to_rows(rest)
    return Edits.union(exact, rough)


def _clusters(points: Points, begin: Array, *, form: Form) -> tuple[Array, Array]:
    """Return the start and the width of each character with marks, and of each that becomes several.

    Args:
        points: the code points of texts, one after another.
        begin: where each text begins.
        form: the normal form.
    """
    special = np.flatnonzero(points >= _LOWEST[form])
    distinct = _distinct(points[special])
    characters = decode_code_points(distinct, np.ones(len(distinct), dtype=np.int64))
    place = np.searchsorted(distinct, points[special])
    joins = characters.str.contains(JOINING).to_numpy()[place] & ~np.isin(special, begin)
    expands = (characters.str.normalize(form).str.len_chars() > 1).to_numpy()[place]
    marks = special[joins]
    opens, closes = (np.ones(len(marks), dtype=bool) for _ in range(2))
    opens[1:] = np.diff(marks) > 1
    closes[:-1] = opens[1:]
    start, end = marks[opens] - 1, marks[closes] + 1
    single = special[expands & ~joins]
    single = single[~np.isin(single, start)]
    starts = np.concatenate([start, single])
    order = np.argsort(starts)
    return starts[order], np.concatenate([end - start, np.ones_like(single)])[order]


def _distinct(points: Points) -> Points:
    occurs = np.zeros(_NUM_POINTS, dtype=bool)
    occurs[points] = True
    return np.flatnonzero(occurs).astype(np.uint32)


def _single_character_forms(texts: pl.Series, form: Form) -> Points:
    """Return a table from each character of the texts to its form; only forms of one character are in it."""
    points = _distinct(code_points(texts))
    forms = decode_code_points(points, np.ones(len(points), dtype=np.int64)).str.normalize(form)
    single = (forms.str.len_chars() == 1).to_numpy()
    table = np.arange(points[-1] + 1, dtype=np.uint32)
    table[points[single]] = code_points(forms.filter(single))
    return table
