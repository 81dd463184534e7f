"""Cleaning step `width`: full-width forms become the plain ones, one for one.

`letters` folds the letters and digits of ASCII; `all` also its punctuation (so 。 and 、 stay, being no forms of
ASCII), the currency signs and the ideographic blank. Half-width katakana stays as it is: its voiced letters
are two characters each, which only a change of normal form (`unicode: nfkc`) puts together.
"""

from typing import Literal

import numpy as np
import polars as pl

from mgm.text.cleaning.rewrite import Points, Rewritten, character_class, exchange_characters

_TO_ASCII = 0xFF01 - 0x21
_ASCII = [*range(0xFF01, 0xFF5F)]
_LETTERS = [point for point in _ASCII if chr(point - _TO_ASCII).isalnum()]
_OTHERS = {0x3000: 0x20, 0xFFE0: 0xA2, 0xFFE1: 0xA3, 0xFFE2: 0xAC, 0xFFE4: 0xA6, 0xFFE5: 0xA5, 0xFFE6: 0x20A9}


def _table(forms: dict[int, int]) -> Points:
    table = np.arange(0x10000, dtype=np.uint32)
    table[list(forms)] = list(forms.values())
    return table


_FORMS = {
    "letters": {point: point - _TO_ASCII for point in _LETTERS},
    "all": {point: point - _TO_ASCII for point in _ASCII} | _OTHERS,
}
_HAS = {name: character_class(list(forms)) for name, forms in _FORMS.items()}
_FOLDED = {name: _table(forms) for name, forms in _FORMS.items()}


def fold_width(texts: pl.Series, which: Literal["letters", "all"]) -> Rewritten:
    """Full-width forms as plain characters; no offset moves."""
    return exchange_characters(texts, texts.str.contains(_HAS[which]), _FOLDED[which])
