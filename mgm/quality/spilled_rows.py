"""Rows of narrow columns, gathered frame by frame and read again block by block, of which memory holds one block."""

import io
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

import polars as pl

BLOCK_ROWS = 100_000
"""The rows of a block, so many that the work that each block costs Great Expectations is small beside that on its rows."""


class SpilledRows:
    """Rows in the order in which they were added, in blocks of `BLOCK_ROWS`.

    Full blocks lie in an unnamed file in the folder of temporary files (TMPDIR), the rows after the last one in memory.
    """

    def __init__(self, schema: pl.Schema, *, block_rows: int | None = None) -> None:
        """Begin without any row.

        Args:
            schema: the columns of all rows.
            block_rows: None: `BLOCK_ROWS`.
        """
        self._block_rows = BLOCK_ROWS if block_rows is None else block_rows
        self._rest = schema.to_frame()
        self._pending: list[pl.DataFrame] = []
        self._file: IO[bytes] | None = None
        self._places: list[tuple[int, int]] = []
        self.height = 0

    @property
    def schema(self) -> pl.Schema:
        """The columns and their types."""
        return self._rest.schema

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._rest.columns

    @property
    def num_blocks(self) -> int:
        """The number of blocks, of which there is one where there is no row."""
        return max(1, -(-self.height // self._block_rows))

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        self._pending.append(frame)
        self.height += frame.height
        while self.height - len(self._places) * self._block_rows >= self._block_rows:
            self._join()
            self._spill(self._rest.head(self._block_rows))
            self._rest = self._rest.slice(self._block_rows)

    def blocks(self, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows again, block by block; `columns`: those to read, None: all."""
        for begin, size in self._places:
            assert self._file is not None, "something was spilled"
            self._file.seek(begin)
            yield pl.read_ipc(io.BytesIO(self._file.read(size)), columns=columns)
        self._join()
        if self._rest.height or not self._places:
            yield self._rest if columns is None else self._rest.select(columns)

    def _join(self) -> None:
        if self._pending:
            self._rest, self._pending = pl.concat([self._rest, *self._pending]), []

    def _spill(self, block: pl.DataFrame) -> None:
        if self._file is None:
            # without a name, so that it vanishes with the process, however that ends
            self._file = TemporaryFile()  # noqa: SIM115  (it is open as long as there are rows)
        content = io.BytesIO()
        block.write_ipc(content, compression="lz4")
        self._places.append((self._file.seek(0, io.SEEK_END), content.tell()))
        self._file.write(content.getbuffer())
