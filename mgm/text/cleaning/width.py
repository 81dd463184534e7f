"""Cleaning step `width`: full-width forms become plain characters, one for one.

`letters` folds letters and digits; `all` also punctuation (but not 。 and 、, which are no forms of ASCII characters), currency signs
and the ideographic blank. Half-width katakana stay as they are: their voiced letters are two characters each, which only the normal
form NFKC (`unicode: nfkc`) joins.
"""

from functools import partial
from typing import Literal

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import Points, Rewritten, Step, character_class, exchange_characters

Width = Literal["letters", "all"]

_TO_ASCII = 0xFF01 - 0x21
_ASCII = [*range(0xFF01, 0xFF5F)]
_LETTERS = [point for point in _ASCII if chr(point - _TO_ASCII).isalnum()]
_OTHERS = {0x3000: 0x20, 0xFFE0: 0xA2, 0xFFE1: 0xA3, 0xFFE2: 0xAC, 0xFFE4: 0xA6, 0xFFE5: 0xA5, 0xFFE6: 0x20A9}


def _table(forms: dict[int, int]) -> Points:
    table = np.arange(0x10000, dtype=np.uint32)
    table[list(forms)] = list(forms.values())
    return table


_FORMS: dict[Width, dict[int, int]] = {
    "letters": {point: point - _TO_ASCII for point in _LETTERS},
    "all": {point: point - _TO_ASCII for point in _ASCII} | _OTHERS,
}
_HAS = {name: character_class(list(forms)) for name, forms in _FORMS.items()}
_FOLDED = {name: _table(forms) for name, forms in _FORMS.items()}


def width_folder(setting: Literal["none", "letters", "all"]) -> Step | None:
    """Return the step for a value of the setting; None for "none"."""
    return None if setting == "none" else partial(fold_width, which=setting)


def fold_width(texts: pl.Series, which: Width) -> Rewritten:
    """Return the texts with plain characters in place of full-width forms; no offset moves."""
    return exchange_characters(texts, where=texts.str.contains(_HAS[which]), table=_FOLDED[which])
