"""Sums of whole numbers by a string, such as the counts of words, in a bounded memory: beyond it they are spilled to disk."""

import io
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO, Any

import polars as pl

MAX_KEYS = 1 << 18
"""The distinct keys that are in memory at most, besides those of one part."""
NUM_DIVISIONS = 64
"""The divisions of the keys on disk, of which one at a time is read back."""


class SumsByKey:
    """Adds up columns of whole numbers by a string, part by part in any order.

    Up to `max_keys` distinct keys stay in memory. More are spilled to an unnamed file in the folder of temporary files (TMPDIR), divided
    by the keys' hashes, and each division is added up alone when all parts are in. Memory: about 60 bytes a key and 16 a sum
    for `max_keys` keys, or for 1/64 of all where that is more. Disk: 20 bytes a key and part of the sums that was spilled.
    """

    def __init__(self, key: str, sums: Sequence[str], *, max_keys: int | None = None) -> None:
        """Begin without any key.

        Args:
            key: the column of the keys.
            sums: the columns that are added up.
            max_keys: None: `MAX_KEYS`.
        """
        self._key, self._max_keys = key, MAX_KEYS if max_keys is None else max_keys
        self._total = pl.DataFrame(schema={key: pl.String} | dict.fromkeys(sums, pl.Int64))
        self._pending: list[pl.DataFrame] = []
        self._file: IO[bytes] | None = None
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(NUM_DIVISIONS)]

    def add(self, part: pl.DataFrame) -> None:
        """Add the columns of a part, which may have a key several times."""
        self._pending.append(part)
        # Adding up only when there is as much new as old moves each row just a few times, however many parts there are.
        if sum(frame.height for frame in self._pending) >= self._total.height:
            self._add_up()
            if self._total.height > self._max_keys:
                self._spill()

    def merge(self, other: "SumsByKey") -> None:
        """Add the sums of other parts."""
        for division in other.divisions():
            self.add(division)

    def __getstate__(self) -> dict[str, Any]:
        """Return the sums for another process, all in memory."""
        total = pl.concat(list(self.divisions()))
        nothing: dict[str, Any] = {
            "_pending": [],
            "_file": None,
            "_places": [[] for _ in range(NUM_DIVISIONS)],
        }
        return self.__dict__ | {"_total": total} | nothing

    def divisions(self) -> Iterator[pl.DataFrame]:
        """Yield the keys with their sums, in no order: each key in one frame alone; without a key one empty frame."""
        self._add_up()
        if self._file is None:
            yield self._total
            return
        self._spill()
        for places in self._places:
            yield self._group([self._total, *(self._read(begin, size) for begin, size in places)])

    def num_keys(self) -> int:
        """Return the number of distinct keys."""
        return sum(division.height for division in self.divisions())

    def _add_up(self) -> None:
        if self._pending:
            self._total, self._pending = self._group([self._total, *self._pending]), []

    def _group(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        columns = self._total.columns
        rows = pl.concat([frame.select(columns) for frame in frames])
        return rows.group_by(self._key).agg(pl.exclude(self._key).sum())

    def _spill(self) -> None:
        """Move all keys to the file."""
        if self._file is None:
            # without a name, so that it vanishes with the process, however that ends
            self._file = TemporaryFile()  # noqa: SIM115  (it is open as long as there are sums)
        division = (pl.col(self._key).hash(seed=0) % NUM_DIVISIONS).alias("division")
        for (number,), rows in (
            self._total.with_columns(division).partition_by("division", as_dict=True).items()
        ):
            content = io.BytesIO()
            rows.drop("division").write_ipc(content, compression="zstd")
            self._places[int(number)].append((self._file.seek(0, io.SEEK_END), content.tell()))
            self._file.write(content.getbuffer())
        self._total = self._total.clear()

    def _read(self, begin: int, size: int) -> pl.DataFrame:
        assert self._file is not None, "something was spilled"
        self._file.seek(begin)
        return pl.read_ipc(io.BytesIO(self._file.read(size)))
