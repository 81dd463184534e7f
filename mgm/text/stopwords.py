"""Stopwords, and which words carry content. Nothing is deleted; the settings choose the words that each granularity reads.

The stopwords of a corpus are the general ones (English and Chinese, by the settings) and those derived from its training documents.
"""

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import stopwordsiso

from mgm.settings.text import StopwordSettings
from mgm.text.factorized_tokens import FactorizedTokens
from mgm.text.list_columns import factorize, flatten, lengths, row_ids
from mgm.text.patterns import EMOTICON
from mgm.text.vocabulary import MostFrequent, WordCounts

CONTENT_SCHEMA = pl.Schema({"doc_id": pl.String(), "content": pl.List(pl.Boolean)})
"""The columns of marked tokens."""

STOPWORDS_FILE = "stopwords.txt"
"""The file of a corpus's stopwords, beside the table of its content words."""

LANGUAGES = ["en", "zh"]

_PUNCTUATION = r"^[\p{P}\p{Sc}\p{Sk}\p{Sm}]+$"
_APOSTROPHE = "’"
_CONTRACTION = re.compile(r"n't$|'")


def _fold_word(word: str) -> str:
    return word.lower().replace(_APOSTROPHE, "'")


def fold_words(words: pl.Series) -> pl.Series:
    """Return words in the form of stopwords: in lower case, with straight apostrophes."""
    return words.str.to_lowercase().str.replace_all(_APOSTROPHE, "'", literal=True)


@dataclass(frozen=True)
class Stopwords:
    """A set of stopwords, in lower case, with straight apostrophes."""

    words: frozenset[str]

    @classmethod
    def from_settings(cls, settings: StopwordSettings) -> Self:
        """Return the general stopwords: the English and Chinese ones of stopwords-iso, without `keep`, with `add`."""
        words = _without_kept((_fold_word(word) for word in stopwordsiso.stopwords(LANGUAGES)), settings)
        return cls(frozenset(words | {_fold_word(word) for word in settings.add}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the stopwords that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return cls.parse(path.read_bytes())

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Return the stopwords of a file's content."""
        return cls(frozenset(filter(None, content.decode().split("\n"))))

    def save(self, path: Path) -> None:
        """Write the words in alphabetical order, one a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{word}\n" for word in sorted(self.words)), encoding="utf-8")

    def derive(self, frequencies: "DocumentFrequencies", settings: StopwordSettings) -> list[str]:
        """Return the stopwords that a corpus adds: words in more than a share of its training documents.

        Stopwords of this set, punctuation and the words of `keep` are left out. The list is empty if the settings switch it off or the
        corpus has too few training documents.

        Returns:
            The words, the most frequent first.
        """
        share = settings.document_frequency
        if share is None or frequencies.num_documents < settings.min_documents:
            return []
        frequent = frequencies.words_above(share)
        frequent = frequent.filter(self.is_content(frequent))
        stopwords = _without_kept(frequent, settings)
        return [word for word in frequent if word in stopwords]

    def union(self, words: Collection[str]) -> "Stopwords":
        """Return these stopwords and further ones."""
        return Stopwords(self.words | frozenset(words))

    def is_content(self, types: pl.Series) -> pl.Series:
        """Return, for distinct words, whether each carries content: it is neither a stopword nor punctuation."""
        is_punctuation = types.str.contains(_PUNCTUATION) & ~types.str.contains(f"^(?:{EMOTICON})$")
        stopwords = pl.Series(sorted(self.words), dtype=pl.String)
        return ~(fold_words(types).is_in(stopwords.implode()) | is_punctuation)


def _without_kept(words: Iterable[str], settings: StopwordSettings) -> set[str]:
    """Return the words that `keep` does not keep; an entry that is the end of a word, such as n't, keeps all words with this end."""
    keep = {_fold_word(word) for word in settings.keep}
    endings = tuple(sorted(word for word in keep if _CONTRACTION.match(word)))
    return {word for word in words if word not in keep and not word.endswith(endings)}


@dataclass(frozen=True)
class DocumentFrequencies:
    """The number of training documents that have each word."""

    num_documents: int
    counts: MostFrequent

    @classmethod
    def count(cls, tokens: Iterable[pl.DataFrame]) -> Self:
        """Count the rows of the training split of parts with `words` and `split`. Memory: see `WordCounts`."""
        counts = WordCounts()
        return cls(sum(count_documents(part, counts) for part in tokens), counts)

    def words_above(self, share: float) -> pl.Series:
        """Return the words in more than this share of the documents, the most frequent first, ties in alphabetical order."""
        frequent = self.counts.most_frequent(math.floor(share * self.num_documents) + 1)
        return frequent["word"]


def count_documents(tokens: pl.DataFrame, counts: WordCounts) -> int:
    """Count for each word the rows of the training split of a part with `words` and `split` that have it; return the number of rows."""
    train = tokens.filter(pl.col("split") == "train")["words"]
    code, types = factorize(flatten(train))
    key, distinct = factorize(fold_words(types))
    # A document and a word are one number. Sorted, equal numbers are adjacent, and only the first of them counts.
    pairs = np.sort(row_ids(lengths(train)) * len(distinct) + key[code])
    first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    counts.add(distinct, np.bincount(pairs[first] % max(len(distinct), 1), minlength=len(distinct)))
    return len(train)


def mark_content_words(tokens: pl.DataFrame, stopwords: Stopwords) -> pl.DataFrame:
    """Return doc_id and, for each word, whether it carries content: `content`, list[bool]; row by row as `tokens`."""
    return tokens.select("doc_id").with_columns(
        content_flags(FactorizedTokens.from_lists(tokens["words"]), stopwords)
    )


def content_flags(words: FactorizedTokens, stopwords: Stopwords) -> pl.Series:
    """Return whether each word carries content: `content`, list[bool]."""
    return words.to_lists(stopwords.is_content(words.types).alias("content"))
