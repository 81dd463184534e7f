"""The vocabulary: which words have an id, and how frequent they are in training."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from mgm.settings import FeatureSettings
from mgm.text.lists import flat

UNKNOWN = 0
BUCKETS = 32

SCHEMA = pl.Schema({"word": pl.String(), "count": pl.Int64(), "bucket": pl.Int8()})


def key(words: pl.Series) -> pl.Series:
    """The form under which a word is looked up: lower case."""
    return words.str.to_lowercase()


def frequency_bucket(counts: pl.Series) -> pl.Series:
    """0 for words never seen, else 1 + floor(log2(count)), below BUCKETS; i8."""
    _, exponent = np.frexp(
        counts.to_numpy()
    )  # count = m * 2**exponent with m in [0.5, 1): exact, unlike a logarithm
    return pl.Series("bucket", np.minimum(exponent, BUCKETS - 1).astype(np.int8))


def count_words(tokens: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """How often each word occurs in the rows of the training split: word, count, by word.

    Labelled or not: a row without labels has a split of its own too. Memory: about 100 bytes a distinct word.

    Args:
        tokens: parts with `words` and `split`.
    """
    total = pl.DataFrame(schema={"word": pl.String, "count": pl.Int64})
    for part in tokens:
        words = key(flat(part.filter(pl.col("split") == "train")["words"])).alias("word")
        fresh = words.to_frame().group_by("word").agg(count=pl.len().cast(pl.Int64))
        total = pl.concat([total, fresh]).group_by("word").agg(pl.col("count").sum())
    return total.sort("word")


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

    def ids(self, words: pl.Series) -> pl.DataFrame:
        """id (i32) and bucket (i8) of each word, in any case; 0 and 0 for unknown words."""
        known = self.table.select("word", "bucket", id=pl.Series(np.arange(1, len(self) + 1), dtype=pl.Int32))
        return (
            key(words)
            .alias("word")
            .to_frame()
            .join(known, on="word", how="left", maintain_order="left")
            .select(pl.col("id").fill_null(UNKNOWN), pl.col("bucket").fill_null(0))
        )
