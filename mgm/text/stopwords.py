"""Stopwords: which words carry content. Nothing is deleted; each granularity says which words it reads.

A corpus's stopwords are the general ones of its settings and what is derived from its training documents.
"""

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
from mgm.text.vocabulary import WordCounts

CONTENT_SCHEMA = pl.Schema({"doc_id": pl.String(), "content": pl.List(pl.Boolean)})
"""What `mark` makes."""

STOPWORDS_FILE = "stopwords.txt"
"""Where the stopwords of a corpus stand, beside its marks."""

LANGUAGES = ["en", "zh"]

_PUNCTUATION = r"^[\p{P}\p{Sc}\p{Sk}\p{Sm}]+$"
_APOSTROPHE = "’"
_CONTRACTION = re.compile(r"n't$|'")


def _fold_word(word: str) -> str:
    return word.lower().replace(_APOSTROPHE, "'")


def fold_words(words: pl.Series) -> pl.Series:
    """The form in which words are compared with stopwords: lower case, straight apostrophes."""
    return words.str.to_lowercase().str.replace_all(_APOSTROPHE, "'", literal=True)


@dataclass(frozen=True)
class Stopwords:
    """The stopwords, in lower case, with straight apostrophes."""

    words: frozenset[str]

    @classmethod
    def load(cls, settings: StopwordSettings) -> Self:
        """The general stopwords: English and Chinese ones of stopwords-iso, without `keep`, with `add`."""
        words = _without_kept((_fold_word(word) for word in stopwordsiso.stopwords(LANGUAGES)), settings)
        return cls(frozenset(words | {_fold_word(word) for word in settings.add}))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return cls(frozenset(filter(None, path.read_text(encoding="utf-8").split("\n"))))

    def save(self, path: Path) -> None:
        """Writes the words, sorted, one a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{word}\n" for word in sorted(self.words)), encoding="utf-8")

    def derived(self, frequencies: "DocumentFrequencies", settings: StopwordSettings) -> list[str]:
        """What a corpus adds: words in more than a share of its training documents, the most frequent first.

        Without what is a stopword already, marks, and `keep`. Nothing where the settings want no such list or
        the corpus has too few training documents.
        """
        share = settings.document_frequency
        if share is None or frequencies.documents < settings.min_documents:
            return []
        found = frequencies.above(share)
        found = found.filter(self.content(found))
        kept = _without_kept(found, settings)
        return [word for word in found if word in kept]

    def plus(self, words: Collection[str]) -> "Stopwords":
        """These and more."""
        return Stopwords(self.words | frozenset(words))

    def content(self, types: pl.Series) -> pl.Series:
        """For distinct words: whether each carries content, being neither stopword nor punctuation."""
        mark = types.str.contains(_PUNCTUATION) & ~types.str.contains(f"^(?:{EMOTICON})$")
        stopwords = pl.Series(sorted(self.words), dtype=pl.String)
        return ~(fold_words(types).is_in(stopwords.implode()) | mark)


def _without_kept(words: Iterable[str], settings: StopwordSettings) -> set[str]:
    """Without the words of `keep`. An entry that begins inside a word, as n't does, keeps every word that ends
    in it."""
    keep = {_fold_word(word) for word in settings.keep}
    endings = tuple(sorted(word for word in keep if _CONTRACTION.match(word)))
    return {word for word in words if word not in keep and not word.endswith(endings)}


class DocumentFrequencies:
    """In how many training documents each word stands, gathered part by part.

    Memory: about 100 bytes a distinct word.
    """

    def __init__(self) -> None:
        self.documents = 0
        self._counts = WordCounts()

    def add(self, tokens: pl.DataFrame) -> None:
        """Adds the rows of the training split of a part with `words` and `split`."""
        train = tokens.filter(pl.col("split") == "train")["words"]
        self.documents += len(train)
        code, types = factorize(flatten(train))
        key, distinct = factorize(fold_words(types))
        # A document and a word as one number: sorted, equal ones stand together, and one of them counts.
        pairs = np.sort(row_ids(lengths(train)) * len(distinct) + key[code])
        first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
        self._counts.add(distinct, np.bincount(pairs[first] % max(len(distinct), 1), minlength=len(distinct)))

    def above(self, share: float) -> pl.Series:
        """The words in more than this share of the documents, the most frequent first, ties by the word."""
        found = self._counts.result().filter(pl.col("count") > share * self.documents)
        return found.sort("count", "word", descending=[True, False])["word"]


def mark_content_words(tokens: pl.DataFrame, stopwords: Stopwords) -> pl.DataFrame:
    """doc_id and content (list[bool], one a word), row-aligned with `tokens`."""
    return tokens.select("doc_id").with_columns(
        content_flags(FactorizedTokens.from_lists(tokens["words"]), stopwords)
    )


def content_flags(words: FactorizedTokens, stopwords: Stopwords) -> pl.Series:
    """`content`, list[bool]: whether each word carries content."""
    return words.to_lists(stopwords.content(words.types).alias("content"))
