"""Stems of English words, so that relate, related and relating are one: the Snowball stemmer (Porter 2, a C library)."""

import numpy as np
import polars as pl
import Stemmer

ALGORITHM = "english"

_LATIN = r"^\p{Latin}[\p{Latin}\p{M}'’]*$"
_APOSTROPHE = "’"


def stem(words: pl.Series) -> pl.Series:
    """Return the stems of distinct words in lower case; only words of Latin letters alone are stemmed.

    The rules of English are applied to words of any language.
    """
    latin = words.str.contains(_LATIN).to_numpy()
    if not latin.any():
        return words
    straight = words.filter(latin).str.replace_all(_APOSTROPHE, "'", literal=True)
    stems = pl.Series(Stemmer.Stemmer(ALGORITHM).stemWords(straight.to_list()), dtype=pl.String)
    source = np.arange(len(words))
    source[latin] = len(words) + np.arange(len(stems))
    return pl.concat([words, stems]).gather(source)
