"""Arrays in files, whose memory the system can take back: files without a name vanish with the process, however that ends."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt


def zeros(folder: Path | None, shape: tuple[int, ...], *, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return an array of zeros that is mapped from a file in `folder`; None: an array in memory."""
    if folder is None or 0 in shape:
        return np.zeros(shape, dtype)
    with TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def concatenate(
    folder: Path | None, parts: Iterable[npt.NDArray[Any]], *, dtype: type[np.generic]
) -> npt.NDArray[Any]:
    """Return the parts as one array that is mapped from a file in `folder`; None: an array in memory. Memory: one part."""
    if folder is None:
        return np.concatenate([np.empty(0, dtype), *parts])
    with TemporaryFile(dir=folder) as file:
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype).data)
        file.flush()
        size = file.tell() // np.dtype(dtype).itemsize
        return np.memmap(file, dtype, "r", shape=(size,)) if size else np.empty(0, dtype)
