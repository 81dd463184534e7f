"""The rows of a sparse matrix that may be larger than memory: they are written once, then read back a block at a time.

Axes: n rows, F columns that hold a value.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from mgm.training.disk_array import DiskArray

BYTES_PER_VALUE = 8
"""Bytes of a value with its column."""
CHUNKS_PER_BLOCK = 16
"""The number of runs of neighbouring rows that a block is drawn from, about: few enough that a disk reads each at full speed."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where the values of training documents are, in memory and on disk.

    Attributes:
        max_bytes: the memory for them.
        folder: the folder of the files; None: where temporary files are.
    """

    max_bytes: int = 2_000_000_000
    folder: Path | None = None

    @property
    def block_bytes(self) -> int:
        """The bytes of a block: two threads that solve for machines make as much again of it, as scaled values."""
        return self.max_bytes // 2


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some rows of a matrix.

    Attributes:
        ranges: their numbers: from a first row up to the one before a last, for each chunk.
        values: (n,F) the rows themselves.
    """

    ranges: list[tuple[int, int]]
    values: sparse.csr_matrix

    @property
    def rows(self) -> np.ndarray:
        """The numbers (n,) of the rows."""
        return np.concatenate([np.arange(first, last) for first, last in self.ranges])


class SparseRows:
    """A sparse matrix (n,F) on disk, in files without a name, of which a killed process leaves nothing behind.

    Attributes:
        columns: (F,) the columns of the written rows that hold a value; they alone are columns here.
        storage: where they are; a block has more bytes only if a single row has.
    """

    def __init__(
        self, matrices: Iterable[sparse.csr_array], num_columns: int, *, storage: Storage = Storage()
    ) -> None:
        """Write the rows of some matrices, one after another.

        Args:
            matrices: matrices with the same columns; their zeros are dropped.
            num_columns: the number of columns.
            storage: where they are.
        """
        self.storage = storage
        self._column, self._value = (DiskArray(t, folder=storage.folder) for t in (np.int32, np.float32))
        is_present = np.zeros(num_columns, bool)
        lengths = [np.zeros(1, np.int64)]
        for matrix in matrices:
            matrix.eliminate_zeros()  # of n-grams that only one document holds
            is_present[matrix.indices] = True
            lengths.append(np.diff(matrix.indptr).astype(np.int64))
            self._column.append(matrix.indices)
            self._value.append(matrix.data)
        self._start = np.concatenate(lengths).cumsum()
        self.columns = np.flatnonzero(is_present)
        self._new_column = (is_present.cumsum() - 1).astype(np.int32)
        chunk = max(storage.block_bytes // (CHUNKS_PER_BLOCK * BYTES_PER_VALUE), 1)
        cuts = np.searchsorted(self._start, np.arange(0, self._start[-1] + 1, chunk))
        self._chunks = np.unique(np.append(cuts, len(self)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._start) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return len(self), len(self.columns)

    @property
    def fits_in_memory(self) -> bool:
        """Whether all rows are at most one block."""
        return int(self._start[-1]) * BYTES_PER_VALUE <= self.storage.block_bytes

    def read_all(self) -> sparse.csr_matrix:
        """Return the whole matrix."""
        return self._read([(0, len(self))])

    def __getitem__(self, rows: np.ndarray) -> sparse.csr_matrix:
        """Return the rows of these numbers."""
        return self._read([(row, row + 1) for row in rows.tolist()])

    def blocks(self, order: Sequence[int]) -> Iterator[Block]:
        """Yield all rows once, in blocks; no two of them are in memory if the reader keeps none.

        Args:
            order: the order of the chunks, of which a block takes as many as fit.
        """
        chosen: list[tuple[int, int]] = []
        size = 0
        for chunk in order:
            first, last = (int(row) for row in self._chunks[chunk : chunk + 2])
            num_bytes = int(self._start[last] - self._start[first]) * BYTES_PER_VALUE
            if chosen and size + num_bytes > self.storage.block_bytes:
                yield Block(ranges=chosen, values=self._read(chosen))
                chosen, size = [], 0
            chosen.append((first, last))
            size += num_bytes
        if chosen:
            yield Block(ranges=chosen, values=self._read(chosen))

    @property
    def num_chunks(self) -> int:
        """The number of chunks."""
        return len(self._chunks) - 1

    def _read(self, ranges: Sequence[tuple[int, int]]) -> sparse.csr_matrix:
        """Return the rows of some ranges, from a first row up to the one before a last."""
        lengths = np.concatenate(
            [np.zeros(1, np.int64), *(np.diff(self._start[first : last + 1]) for first, last in ranges)]
        )
        start = lengths.cumsum()
        column, value = np.empty(start[-1], np.int32), np.empty(start[-1], np.float32)
        at = 0
        for first, last in ranges:
            begin, size = int(self._start[first]), int(self._start[last] - self._start[first])
            self._column.read(column[at : at + size], begin)
            self._value.read(value[at : at + size], begin)
            at += size
        # in place and in pieces: a second array of all columns would be half as large as the block
        for piece in np.array_split(column, max(len(column) >> 20, 1)):
            piece[:] = self._new_column[piece]
        return sparse.csr_matrix((value, column, start), (len(lengths) - 1, len(self.columns)))


def drop_empty_columns(features: sparse.csr_matrix) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Return the columns (F,) that hold a value, and the matrix of these columns alone."""
    is_present = np.zeros(features.shape[1], bool)
    is_present[features.indices] = True
    columns = np.flatnonzero(is_present)
    new_index = (is_present.cumsum() - 1).astype(features.indices.dtype)
    shape = (features.shape[0], len(columns))
    return columns, sparse.csr_matrix((features.data, new_index[features.indices], features.indptr), shape)
