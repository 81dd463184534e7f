"""Cleaning step `unicode`: the normal forms NFC and NFKC (Unicode Standard Annex 15)."""

from typing import Literal

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import Points, Rewritten, exchange_characters, replace_rows
from mgm.text.list_columns import code_points, decode_code_points
from mgm.text.offsets import Edits, align

Form = Literal["NFC", "NFKC"]

# Texts without any of these characters are in the form already: those below U+0300 are in NFC, whatever stands
# beside them, and ASCII is in NFKC.
_MAY_CHANGE: dict[Form, str] = {"NFC": r"[^\x00-\x{2ff}]", "NFKC": r"[^\x00-\x7f]"}


def normalize_unicode(texts: pl.Series, form: Form) -> Rewritten:
    """The texts in a normal form.

    A character with a form of one character is exchanged for it first, which moves no offset and changes no
    result, a text and its parts being equivalent to their forms. What remains, letters with their combining
    marks and ligatures, is aligned.
    """
    rows = np.flatnonzero(texts.str.contains(_MAY_CHANGE[form]).to_numpy())
    chosen = texts.gather(rows)
    normal = chosen.str.normalize(form)
    changed = (normal != chosen).to_numpy()
    if not changed.any():
        return texts, Edits.none()
    rows, chosen, normal = rows[changed], chosen.filter(changed), normal.filter(changed)
    exchanged, _ = exchange_characters(
        chosen, pl.repeat(True, len(chosen), eager=True), _single_character_forms(chosen, form)
    )
    moved = exchanged != normal
    edits = align(list(zip(exchanged.filter(moved), normal.filter(moved), strict=True)))
    return replace_rows(texts, rows, normal), edits.renumber(rows[moved.to_numpy()])


def _single_character_forms(texts: pl.Series, form: Form) -> Points:
    """A table from each character that occurs to its form, where that is one character."""
    occurs = np.zeros(0x110000, dtype=bool)
    occurs[code_points(texts)] = True
    found = np.flatnonzero(occurs).astype(np.uint32)
    forms = decode_code_points(found, np.ones(len(found), dtype=np.int64)).str.normalize(form)
    single = (forms.str.len_chars() == 1).to_numpy()
    table = np.arange(found[-1] + 1, dtype=np.uint32)
    table[found[single]] = code_points(forms.filter(single))
    return table
