"""Cleaning step `unicode`: the normal forms NFC and NFKC (Unicode Standard Annex 15)."""

from functools import partial
from typing import Literal

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import Points, Rewritten, Step, exchange_characters, replace_rows
from mgm.text.list_columns import code_points, decode_code_points
from mgm.text.offsets import Edits, align

Form = Literal["NFC", "NFKC"]

# A text without any of these characters is in the form already: characters below U+0300 are in NFC with any neighbours,
# and ASCII is in NFKC.
_MAY_CHANGE: dict[Form, str] = {"NFC": r"[^\x00-\x{2ff}]", "NFKC": r"[^\x00-\x7f]"}


def normalizer(setting: Literal["nfc", "nfkc", "none"]) -> Step | None:
    """Return the step for a value of the setting; None for "none"."""
    forms: dict[str, Form] = {"nfc": "NFC", "nfkc": "NFKC"}
    return partial(normalize_unicode, form=forms[setting]) if setting in forms else None


def normalize_unicode(texts: pl.Series, form: Form) -> Rewritten:
    """Return the texts in a normal form.

    A character whose form is one character is exchanged first, which moves no offset; it does not change the result, since a text is
    equivalent to the text of its characters' forms. The other changes (letters with combining marks, ligatures) are aligned.
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
    edits = align(list(zip(exchanged.filter(moved), normal.filter(moved), strict=True)))
    return replace_rows(texts, rows, changed=normal), edits.move_to_rows(rows[moved.to_numpy()])


def _single_character_forms(texts: pl.Series, form: Form) -> Points:
    """Return a table from each character of the texts to its form; only forms of one character are in it."""
    occurs = np.zeros(0x110000, dtype=bool)
    occurs[code_points(texts)] = True
    points = np.flatnonzero(occurs).astype(np.uint32)
    forms = decode_code_points(points, np.ones(len(points), dtype=np.int64)).str.normalize(form)
    single = (forms.str.len_chars() == 1).to_numpy()
    table = np.arange(points[-1] + 1, dtype=np.uint32)
    table[points[single]] = code_points(forms.filter(single))
    return table
