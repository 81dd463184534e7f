"""Memory for large tables that are read at random places."""

import mmap
from math import prod

import numpy as np
import numpy.typing as npt


def zeros(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Return zeros in pages of 2 MB where the system has them: reading a row of a table then seldom waits for its address.

    As with numpy, the system provides the memory of a page when it is first written or read.
    """
    kind = np.dtype(dtype)
    memory = mmap.mmap(-1, max(prod(shape) * kind.itemsize, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=kind, count=prod(shape)).reshape(shape)
