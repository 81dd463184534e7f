"""Repeated ids of a corpus or a night, found by their hashes."""

from array import array
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.compute.executor import Columns, Emitted, Executor, JoinedRows, TaskFile

Hashes = npt.NDArray[np.uint64]
_COLUMN = "hash"


class IdHashes:
    """The hashes of ids that are added part by part. Memory: 9 bytes an id, and 1 more while repeated ones are searched for."""

    def __init__(self) -> None:
        """Begin without any id."""
        # an array that grows in place: a list of parts would be held twice when it is joined
        self._hashes = array("Q")

    def __len__(self) -> int:
        """Return the number of ids."""
        return len(self._hashes)

    def add(self, ids: pl.Series) -> None:
        """Add the ids of a part."""
        self.add_bytes(hash_bytes(ids))

    def add_bytes(self, hashes: bytes) -> None:
        """Add the ids whose hashes are these, of `hash_bytes`."""
        self._hashes.frombytes(hashes)

    def repeated(self) -> pl.Series:
        """Return the hashes that several ids have, each once: those of repeated ids, and by chance of different ones."""
        hashes = np.frombuffer(self._hashes, np.uint64)
        hashes.sort()  # in place
        return pl.Series(_repeated(hashes))


def hash_bytes(ids: pl.Series) -> bytes:
    """Return the hashes of ids, 8 bytes each."""
    return hash_ids(ids).to_numpy().tobytes()


def hash_ids(ids: pl.Series) -> pl.Series:
    """Return the hash of each id."""
    return ids.hash(seed=0)


def find_repeated(files: Sequence[TaskFile], *, executor: Executor, folder: Path) -> pl.Series:
    """Return the hashes that several ids of files have, ascending; see `IdHashes.repeated`.

    Memory where hashes are joined: 9 bytes an id; on a cluster only those of a division are there.

    Args:
        files: files of `hash_bytes`.
        executor: what joins them.
        folder: where they are written once more, for a join on this machine.
    """
    calls = [(file,) for file in files]
    with TemporaryDirectory(dir=folder) as temporary:
        shuffle = executor.shuffle(Path(temporary))
        with closing(
            shuffle.emit(_read_hashes, calls, columns=[_COLUMN], reads=lambda file: [file])
        ) as counts:
            num_ids = sum(counts)
        step = _FindRepeated(shuffle.num_divisions(8 * num_ids))
        with closing(shuffle.reduce([step])) as results:
            return pl.Series(np.concatenate([np.empty(0, np.uint64), *results])).sort()


def _read_hashes(file: TaskFile) -> Emitted:
    hashes = np.frombuffer(file.path.read_bytes(), np.uint64)
    return Emitted(len(hashes), {_COLUMN: hashes})


@dataclass(frozen=True)
class _FindRepeated:
    """Finds the hashes that are there several times."""

    num_divisions: int
    columns: tuple[str, ...] = (_COLUMN,)

    def divide(self, columns: Columns, rows: JoinedRows | None, *, division: int) -> Hashes:
        """Return the hashes of a division: equal ones have equal remainders."""
        hashes = columns[_COLUMN]
        if self.num_divisions == 1:
            return hashes
        return hashes[hashes % np.uint64(self.num_divisions) == division]

    def reduce(self, pieces: Sequence[Hashes]) -> Hashes:
        """Return the repeated ones."""
        hashes = np.concatenate(pieces)
        hashes.sort()
        return _repeated(hashes)


def _repeated(ordered: Hashes) -> Hashes:
    """Return which of ascending hashes are there several times, each once."""
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
