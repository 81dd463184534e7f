"""An array in a file without a name, of which a killed process leaves nothing behind."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class DiskArray:
    """Items of one type on disk, which are read and written in runs."""

    def __init__(self, dtype: npt.DTypeLike, *, folder: Path | None, size: int = 0) -> None:
        """Make an array of `size` zeros in a folder; None: where temporary files are."""
        self.dtype = np.dtype(dtype)
        self._file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed with the array)
        self._file.truncate(size * self.dtype.itemsize)

    def append(self, items: np.ndarray) -> None:
        """Write items after the last one that was written."""
        self._file.write(np.ascontiguousarray(items, self.dtype).data)

    def write(self, items: np.ndarray, begin: int) -> None:
        """Write items (m,) in place of those from number `begin` on."""
        self._file.seek(begin * self.dtype.itemsize)
        self.append(items)

    def read(self, out: np.ndarray, begin: int) -> None:
        """Fill the array `out` (m,) with the items from number `begin` on."""
        assert out.dtype == self.dtype
        if len(out):
            self._file.seek(begin * self.dtype.itemsize)
            size = self._file.readinto(out.view(np.uint8))
            assert size == out.nbytes, "the file is shorter than what was written"
