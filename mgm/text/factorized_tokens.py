"""The words of documents as codes, so that what is asked of a word is asked once of each distinct one."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.text.list_columns import Array, factorize, flatten, lengths, unflatten


@dataclass(frozen=True)
class FactorizedTokens:
    """The N words of R documents, one after another: word i is types[code[i]]."""

    code: npt.NDArray[np.int32]  # (N,)
    types: pl.Series  # distinct, in order of first appearance
    counts: Array  # (R,) of each document

    @classmethod
    def of(cls, words: pl.Series) -> Self:
        """Of a column list[str]."""
        code, types = factorize(flatten(words))
        return cls(code, types, lengths(words))

    @classmethod
    def recoded(cls, code: Array, types: pl.Series, counts: Array) -> Self:
        """Of codes into `types` that may hold a word several times, in any order."""
        same, distinct = factorize(types)
        first, order = factorize(pl.Series(same[code]))
        return cls(first, distinct.gather(order), counts)

    def column(self, values: pl.Series) -> pl.Series:
        """A list column of the value, one a distinct word, that each word has."""
        return unflatten(values.name, values.gather(self.code), self.counts)
