"""Counts of words of many parts, added up by a shuffle: each division of the words alone, wherever that is."""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.compute.executor import Columns, Executor, JoinedRows, Shuffle
from mgm.text.vocabulary import WordCounts, select_most_frequent

NUM_DIVISIONS = 64
"""The divisions of the words of many parts, each of which is added up at once."""
_SIZE_BYTES = 8
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ShuffledWordCounts:
    """Counts of the words of parts. Memory where a division is added up: about 40 bytes a word and part, for 1/64 of the words.

    Disk or store of the cluster: about 10 bytes a word and part.
    """

    shuffle: Shuffle
    num_divisions: int

    @classmethod
    @contextmanager
    def of_parts(cls, num_parts: int, executor: Executor) -> Iterator["ShuffledWordCounts"]:
        """Yield the counts of so many parts, which the shuffle does not have yet; on one machine they are in the folder of temporary files."""
        with TemporaryDirectory(prefix="mgm-words-") as folder:
            yield cls(executor.shuffle(Path(folder)), num_divisions=NUM_DIVISIONS if num_parts > 1 else 1)

    @property
    def columns(self) -> list[str]:
        """The names of the columns of each part."""
        return [_column(division) for division in range(self.num_divisions)]

    def most_frequent(self, min_count: int = 1, *, max_words: int | None = None) -> pl.DataFrame:
        """Return the words with a count of at least `min_count`, at most `max_words` of them; see `WordCounts.most_frequent`."""
        steps = [_AddUp(division, min_count, max_words) for division in range(self.num_divisions)]
        with closing(self.shuffle.reduce(steps)) as divisions:
            return select_most_frequent(divisions, min_count, max_words=max_words)


def divide_counts(counts: WordCounts, num_divisions: int) -> Columns:
    """Return the counts of a part, a column for each division of its words by their hashes: tables as bytes, each behind its size."""
    frame = counts.table()
    division = (pl.col("word").hash(seed=0) % num_divisions).alias("division")
    divisions = frame.with_columns(division).partition_by("division", as_dict=True, include_key=False)
    none = frame.clear()
    return {_column(i): _to_bytes(divisions.get((i,), none)) for i in range(num_divisions)}


@dataclass(frozen=True)
class _AddUp:
    """Adds up the counts of the words of a division."""

    division: int
    min_count: int
    max_words: int | None

    @property
    def columns(self) -> list[str]:
        """That of the division."""
        return [_column(self.division)]

    @property
    def num_divisions(self) -> int:
        """The column is divided already."""
        return 1

    def divide(self, columns: Columns, rows: JoinedRows | None, *, division: int) -> Bytes:
        """Return the tables of the division."""
        return columns[_column(self.division)]

    def reduce(self, pieces: Sequence[Bytes]) -> pl.DataFrame:
        """Return the words that may be among the most frequent ones of all divisions."""
        counts = pl.concat([table for piece in pieces for table in _tables(piece)])
        total = counts.group_by("word").agg(pl.col("count").sum())
        return select_most_frequent([total], self.min_count, max_words=self.max_words)


def _column(division: int) -> str:
    return f"division {division}"


def _to_bytes(table: pl.DataFrame) -> Bytes:
    if not table.height:
        return np.empty(0, np.uint8)
    content = io.BytesIO(bytes(_SIZE_BYTES))
    content.seek(_SIZE_BYTES)
    table.write_ipc(content, compression="zstd")
    result = np.frombuffer(content.getbuffer(), np.uint8).copy()
    result[:_SIZE_BYTES] = np.frombuffer(
        (len(result) - _SIZE_BYTES).to_bytes(_SIZE_BYTES, "little"), np.uint8
    )
    return result


def _tables(content: Bytes) -> Iterator[pl.DataFrame]:
    """Yield the tables whose bytes are one after another."""
    yield pl.DataFrame(schema={"word": pl.String, "count": pl.Int64})
    begin = 0
    while begin < len(content):
        begin += _SIZE_BYTES
        end = begin + int.from_bytes(content[begin - _SIZE_BYTES : begin].tobytes(), "little")
        yield pl.read_ipc(io.BytesIO(content[begin:end].tobytes()))
        begin = end
