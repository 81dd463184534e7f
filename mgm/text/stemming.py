"""Stems of English words: relate, related and relating are one. The Snowball stemmer (Porter 2, C library)."""

import numpy as np
import polars as pl
import Stemmer

ALGORITHM = "english"

_LATIN = r"^\p{Latin}[\p{Latin}\p{M}'’]*$"
_APOSTROPHE = "’"


def stem(words: pl.Series) -> pl.Series:
    """The stems of distinct words in lower case; words that are not of Latin letters alone stay as they are.

    No language is asked: the words of any language in Latin letters are cut by the rules of English.
    """
    latin = words.str.contains(_LATIN).to_numpy()
    if not latin.any():
        return words
    straight = words.filter(latin).str.replace_all(_APOSTROPHE, "'", literal=True)
    stems = pl.Series(Stemmer.Stemmer(ALGORITHM).stemWords(straight.to_list()), dtype=pl.String)
    source = np.arange(len(words))
    source[latin] = len(words) + np.arange(len(stems))
    return pl.concat([words, stems]).gather(source)
