"""The vocabulary: the words that have an id, and their frequencies in training."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mgm.corpus.sums_by_key import SumsByKey
from mgm.settings.text import FeatureSettings
from mgm.text import stemming
from mgm.text.list_columns import Array, factorize, flatten

UNKNOWN = 0
"""The id of words that the vocabulary does not have."""
NUM_BUCKETS = 32
"""The number of frequency buckets."""

SCHEMA = pl.Schema({"word": pl.String(), "count": pl.Int64(), "bucket": pl.Int8()})


def normalize_words(words: pl.Series, stem: bool = False) -> pl.Series:
    """Return the form in which the vocabulary has each distinct word: in lower case, or the stem of that if `stem`."""
    lower = words.str.to_lowercase()
    return stemming.stem(lower) if stem else lower


def frequency_bucket(counts: pl.Series) -> pl.Series:
    """Return the bucket of each count: 0 for 0, else 1 + floor(log2(count)), limited to below NUM_BUCKETS; i8."""
    # count = m * 2**exponent with m in [0.5, 1): exact, unlike a logarithm.
    _, exponent = np.frexp(counts.to_numpy())
    return pl.Series("bucket", np.minimum(exponent, NUM_BUCKETS - 1).astype(np.int8))


def select_most_frequent(
    divisions: Iterable[pl.DataFrame], min_count: int, *, max_words: int | None
) -> pl.DataFrame:
    """Return the most frequent words of tables that have each word once; see `WordCounts.most_frequent`."""
    best = pl.DataFrame(schema={"word": pl.String, "count": pl.Int64})
    for division in divisions:
        best = pl.concat([best, division.filter(pl.col("count") >= min_count)])
        best = best.sort("count", "word", descending=[True, False])
        if max_words is not None:
            best = best.head(max_words)
    return best


class MostFrequent(Protocol):
    """Counts of words, wherever they are."""

    def most_frequent(self, min_count: int = 1, *, max_words: int | None = None) -> pl.DataFrame:
        """Return the words with a count of at least `min_count`, at most `max_words` of them: `word`, `count`."""
        ...


class WordCounts:
    """Counts of words, added up part by part. Memory: see `SumsByKey`."""

    def __init__(self) -> None:
        """Create empty counts."""
        self._counts = SumsByKey("word", ["count"])

    def add(self, words: pl.Series, counts: Array) -> None:
        """Add counts of words; a word may occur several times."""
        self._counts.add(pl.DataFrame({"word": words, "count": counts.astype(np.int64)}))

    def merge(self, other: "WordCounts") -> None:
        """Add the counts of other parts."""
        self._counts.merge(other._counts)

    def most_frequent(self, min_count: int = 1, *, max_words: int | None = None) -> pl.DataFrame:
        """Return the words with a count of at least `min_count`, at most `max_words` of them: `word`, `count`.

        They are in the order of their counts, the most frequent first, ties in alphabetical order.
        """
        return select_most_frequent(self._counts.divisions(), min_count, max_words=max_words)

    def table(self) -> pl.DataFrame:
        """Return all words with their counts, in no order."""
        return pl.concat(list(self._counts.divisions()))

    def num_words(self) -> int:
        """Return the number of distinct words."""
        return self._counts.num_keys()


def count_words(tokens: Iterable[pl.DataFrame], stem: bool = False) -> WordCounts:
    """Count normalized words in the rows of the training split, labelled or not.

    Args:
        tokens: parts with `words` and `split`.
        stem: whether words are counted by their stems.
    """
    counts = WordCounts()
    for part in tokens:
        code, types = factorize(flatten(part.filter(pl.col("split") == "train")["words"]))
        counts.add(normalize_words(types, stem), np.bincount(code, minlength=len(types)))
    return counts


@dataclass(frozen=True)
class Vocabulary:
    """The words with an id: the word in row i of `table` has the id i + 1, and any other word UNKNOWN."""

    table: pl.DataFrame
    """word, count, bucket."""

    def __len__(self) -> int:
        """Return the number of words."""
        return self.table.height

    @classmethod
    def from_counts(cls, counts: MostFrequent, settings: FeatureSettings) -> Self:
        """Select the most frequent words, at most `max_words`, with a count of at least `min_count`; ties in alphabetical order."""
        table = counts.most_frequent(settings.min_count, max_words=settings.max_words)
        table = table.with_columns(frequency_bucket(table["count"]))
        return cls(table.select(SCHEMA.names()).cast(SCHEMA))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the vocabulary that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a vocabulary.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such vocabulary")
        return cls.parse(path.read_bytes(), path)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> Self:
        """Return the vocabulary of a file's content; errors name its path.

        Raises:
            ValueError: it is not a vocabulary.
        """
        try:
            # by Arrow, which reports the faults of a damaged file that Polars ends in a panic for
            # as one file: a table that may be a folder has pyarrow import pandas, in a quarter of a second
            arrow = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
            arrow.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path}: not a vocabulary: {error}") from error
        table = pl.DataFrame(pl.from_arrow(arrow))
        if table.schema != SCHEMA:
            raise ValueError(f"{path}: expected the columns {dict(SCHEMA)}, found {dict(table.schema)}")
        return cls(table)

    def save(self, path: Path) -> None:
        """Write the table as one Parquet file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.table.write_parquet(path, compression="zstd", statistics=False)

    def look_up(self, words: pl.Series, stem: bool = False) -> pl.DataFrame:
        """Return the columns id (i32) and bucket (i8) of distinct words, which may be in any case; both are 0 for unknown words.

        Args:
            words: distinct words.
            stem: the same value as when the words were counted.
        """
        known = self.table.select("word", "bucket", id=pl.Series(np.arange(1, len(self) + 1), dtype=pl.Int32))
        return (
            normalize_words(words, stem)
            .alias("word")
            .to_frame()
            .join(known, on="word", how="left", maintain_order="left")
            .select(pl.col("id").fill_null(UNKNOWN), pl.col("bucket").fill_null(0))
        )
