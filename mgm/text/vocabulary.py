"""The vocabulary: which words have an id, and how frequent they are in training."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from mgm.settings.text import FeatureSettings
from mgm.text import stemming
from mgm.text.list_columns import Array, factorize, flatten

UNKNOWN = 0
NUM_BUCKETS = 32

SCHEMA = pl.Schema({"word": pl.String(), "count": pl.Int64(), "bucket": pl.Int8()})


def normalize_words(words: pl.Series, stem: bool = False) -> pl.Series:
    """The form under which each of these distinct words is looked up: lower case, and of this the stem where
    wanted."""
    lower = words.str.to_lowercase()
    return stemming.stem(lower) if stem else lower


def frequency_bucket(counts: pl.Series) -> pl.Series:
    """0 for words never seen, else 1 + floor(log2(count)), below BUCKETS; i8."""
    _, exponent = np.frexp(
        counts.to_numpy()
    )  # count = m * 2**exponent with m in [0.5, 1): exact, unlike a logarithm
    return pl.Series("bucket", np.minimum(exponent, NUM_BUCKETS - 1).astype(np.int8))


class WordCounts:
    """How often each word was counted, gathered part by part. Memory: about 100 bytes a distinct word."""

    def __init__(self) -> None:
        self._total = pl.DataFrame(schema={"word": pl.String, "count": pl.Int64})
        self._fresh: list[pl.DataFrame] = []

    def add(self, words: pl.Series, counts: Array) -> None:
        """Adds counts to words; a word may stand there several times."""
        self._fresh.append(pl.DataFrame({"word": words, "count": counts.astype(np.int64)}))
        # Only when there is as much new as old: each count is then moved a few times, however many parts.
        if sum(frame.height for frame in self._fresh) >= self._total.height:
            self._merge()

    def _merge(self) -> None:
        self._total = pl.concat([self._total, *self._fresh]).group_by("word").agg(pl.col("count").sum())
        self._fresh = []

    def result(self) -> pl.DataFrame:
        """word and count, by word."""
        self._merge()
        return self._total.sort("word")


def count_words(tokens: Iterable[pl.DataFrame], stem: bool = False) -> pl.DataFrame:
    """How often each key of a word occurs in the rows of the training split: word, count, by word.

    Labelled or not: a row without labels has a split of its own too. Memory: see `WordCounts`.

    Args:
        tokens: parts with `words` and `split`.
        stem: whether words are counted under their stems.
    """
    counts = WordCounts()
    for part in tokens:
        code, types = factorize(flatten(part.filter(pl.col("split") == "train")["words"]))
        counts.add(normalize_words(types, stem), np.bincount(code, minlength=len(types)))
    return counts.result()


@dataclass(frozen=True)
class Vocabulary:
    """Words with an id: row i of `table` (word, count, bucket) has the id i + 1; every other word UNKNOWN."""

    table: pl.DataFrame

    def __len__(self) -> int:
        return self.table.height

    @classmethod
    def from_counts(cls, counts: pl.DataFrame, settings: FeatureSettings) -> Self:
        """The most frequent words, at most `max_words`, seen at least `min_count` times; ties by the word."""
        table = (
            counts.filter(pl.col("count") >= settings.min_count)
            .sort("count", "word", descending=[True, False])
            .head(settings.max_words)
        )
        table = table.with_columns(frequency_bucket(table["count"]))
        return cls(table.select(SCHEMA.names()).cast(SCHEMA))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no vocabulary.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such vocabulary")
        table = pl.read_parquet(path)
        if table.schema != SCHEMA:
            raise ValueError(f"{path}: expected the columns {dict(SCHEMA)}, found {dict(table.schema)}")
        return cls(table)

    def save(self, path: Path) -> None:
        """Writes the table as one Parquet file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.table.write_parquet(path, compression="zstd", statistics=False)

    def ids(self, words: pl.Series, stem: bool = False) -> pl.DataFrame:
        """id (i32) and bucket (i8) of each of these distinct words, in any case; 0 and 0 for unknown words.

        `stem`: as it was when the words were counted.
        """
        known = self.table.select("word", "bucket", id=pl.Series(np.arange(1, len(self) + 1), dtype=pl.Int32))
        return (
            normalize_words(words, stem)
            .alias("word")
            .to_frame()
            .join(known, on="word", how="left", maintain_order="left")
            .select(pl.col("id").fill_null(UNKNOWN), pl.col("bucket").fill_null(0))
        )
