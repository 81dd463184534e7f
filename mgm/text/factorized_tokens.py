"""The words of documents as codes into their distinct words, so that each distinct word is processed once."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.text.list_columns import Array, factorize, flatten, lengths, unflatten


@dataclass(frozen=True, kw_only=True)
class FactorizedTokens:
    """The N words of R documents, one after another: word i is types[codes[i]]."""

    codes: npt.NDArray[np.int32]
    """(N,)"""
    types: pl.Series
    """The distinct words in order of first appearance."""
    counts: Array
    """The number of words of each document, (R,)."""

    @classmethod
    def from_lists(cls, words: pl.Series) -> Self:
        """Factorize a column list[str]."""
        codes, types = factorize(flatten(words))
        return cls(codes=codes, types=types, counts=lengths(words))

    @classmethod
    def from_codes(cls, codes: Array, types: pl.Series, *, counts: Array) -> Self:
        """Factorize codes into `types` that may hold a word several times, in any order."""
        distinct_of_type, distinct = factorize(types)
        new_codes, order = factorize(pl.Series(distinct_of_type[codes]))
        return cls(codes=new_codes, types=distinct.gather(order), counts=counts)

    def to_lists(self, values: pl.Series) -> pl.Series:
        """Return a list column that holds, for each word, the value of its type; `values` has one value a type."""
        return unflatten(values.gather(self.codes), self.counts, name=values.name)
