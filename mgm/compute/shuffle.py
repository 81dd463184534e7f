"""Rows that many calls emit and that are brought together by a key, on one machine: in files, of which each division takes a view."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt

from mgm.compute.executor import Emitted, Executor, JoinedRows, Reads, Step


class LocalShuffle:
    """Columns of all rows, in memory or in files beside each other, of which this machine's processes read what a step needs.

    Args:
        executor: what calls emitters and reduces divisions.
        folder: where a file is made for each column; None: they are in memory.
    """

    def __init__(self, executor: Executor, *, folder: Path | None) -> None:
        self._executor, self._folder = executor, folder
        self._columns: dict[str, ColumnFile | ColumnInMemory] = {}

    def emit(
        self,
        function: Callable[..., Emitted],
        arguments: Iterable[tuple[Any, ...]],
        *,
        columns: Sequence[str],
        reads: Reads | None = None,
    ) -> Generator[Any, None, None]:
        """Yield the heads; see `Shuffle.emit`."""
        self._columns = {name: self._new_column() for name in columns}
        with closing(self._executor.map(function, arguments, reads=reads)) as results:
            for emitted in results:
                for name, column in self._columns.items():
                    column.append(emitted.columns[name])
                yield emitted.head

    def num_divisions(self, num_bytes: int) -> int:
        """Return 1: nothing travels."""
        return 1

    def reduce(
        self, steps: Sequence[Step], *, rows: npt.NDArray[Any] | None = None
    ) -> Generator[Any, None, None]:
        """Yield the results; see `Shuffle.reduce`."""
        divisions = [(i, division) for i, step in enumerate(steps) for division in range(step.num_divisions)]
        yield from self._executor.map(_Reduce(self._columns, steps, rows), divisions)

    def _new_column(self) -> "ColumnFile | ColumnInMemory":
        if self._folder is None:
            return ColumnInMemory()
        with NamedTemporaryFile(dir=self._folder, prefix="column-", delete=False) as file:
            return ColumnFile(Path(file.name))


@dataclass(frozen=True)
class _Reduce:
    """Reduces a division of a step, of which one view has all rows."""

    columns: Mapping[str, "ColumnFile | ColumnInMemory"]
    steps: Sequence[Step]
    rows: npt.NDArray[Any] | None

    def __call__(self, number: int, division: int) -> Any:
        step = self.steps[number]
        columns = {name: self.columns[name].read() for name in step.columns}
        rows = (
            None if self.rows is None else JoinedRows(self.rows, np.arange(len(self.rows), dtype=np.uint32))
        )
        return step.reduce([step.divide(columns, rows, division=division)])


class ColumnInMemory:
    """The values of a column."""

    def __init__(self) -> None:
        """Begin without any."""
        self._parts: list[npt.NDArray[Any]] = []

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values behind those that are there."""
        self._parts.append(values)

    def read(self) -> npt.NDArray[Any]:
        """Return all of them."""
        if len(self._parts) != 1:
            self._parts = [np.concatenate(self._parts or [np.empty(0, np.uint8)])]
        return self._parts[0]


class ColumnFile:
    """The values of a column in a named file, by which other processes get them; the system can take back the memory of what is read.

    Args:
        path: the file, which is empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shape: tuple[int, ...] = (0,)
        self._dtype: np.dtype[Any] = np.dtype(np.uint8)

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add values behind those that are there, of the same shape but for the first axis."""
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(values).data)
        self._shape, self._dtype = (self._shape[0] + len(values), *values.shape[1:]), values.dtype

    def read(self) -> npt.NDArray[Any]:
        """Return all of them, mapped from the file."""
        if 0 in self._shape:
            return np.empty(self._shape, self._dtype)
        return np.memmap(self._path, self._dtype, "r", shape=self._shape)
