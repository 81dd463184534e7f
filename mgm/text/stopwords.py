"""Stopwords: which words carry content. Nothing is deleted; each granularity says which words it reads."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import polars as pl
import stopwordsiso

from mgm.settings import StopwordSettings
from mgm.text.lists import factorize, flat, lengths, ragged
from mgm.text.segmentation import EMOTICON

CONTENT = pl.Schema({"doc_id": pl.String(), "content": pl.List(pl.Boolean)})
"""What `mark` makes."""

LANGUAGES = ["en", "zh"]

_PUNCTUATION = r"^[\p{P}\p{Sc}\p{Sk}\p{Sm}]+$"
_APOSTROPHE = "’"
_CONTRACTION = re.compile(r"n't$|'")


def _key(word: str) -> str:
    return word.lower().replace(_APOSTROPHE, "'")


@dataclass(frozen=True)
class Stopwords:
    """The stopwords, in lower case, with straight apostrophes."""

    words: frozenset[str]

    @classmethod
    def load(cls, settings: StopwordSettings) -> Self:
        """English and Chinese stopwords of stopwords-iso, without `keep`, with `add`.

        An entry of `keep` that begins inside a word, as n't does, keeps every word that ends in it.
        """
        words = {_key(word) for word in stopwordsiso.stopwords(LANGUAGES)}
        keep = {_key(word) for word in settings.keep}
        endings = tuple(sorted(word for word in keep if _CONTRACTION.match(word)))
        words = {word for word in words - keep if not word.endswith(endings)}
        return cls(frozenset(words | {_key(word) for word in settings.add}))

    def content(self, types: pl.Series) -> pl.Series:
        """For distinct words: whether each carries content, being neither stopword nor punctuation."""
        keys = types.str.to_lowercase().str.replace_all(_APOSTROPHE, "'", literal=True)
        mark = types.str.contains(_PUNCTUATION) & ~types.str.contains(f"^(?:{EMOTICON})$")
        return ~(keys.is_in(_series(self.words).implode()) | mark)


def _series(words: Collection[str]) -> pl.Series:
    return pl.Series(sorted(words), dtype=pl.String)


def mark(tokens: pl.DataFrame, stopwords: Stopwords) -> pl.DataFrame:
    """doc_id and content (list[bool], one a word), row-aligned with `tokens`."""
    code, types = factorize(flat(tokens["words"]))
    content = stopwords.content(types).gather(code)
    return tokens.select("doc_id").with_columns(ragged("content", content, lengths(tokens["words"])))
