"""Memory for large tables that are filled bit by bit and read at random places."""

import mmap
from math import prod

import numpy as np
import numpy.typing as npt


def zeros(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Return zeros whose memory the system provides page by page, each when it is first written or read.

    Pages are small ones. Numpy asks for those of 2 MB, with which rows are read a sixth faster, but where a virtual machine
    returns free memory to its host, the first use of one costs more than a run of 100,000 documents saves.
    """
    kind = np.dtype(dtype)
    size = max(prod(shape) * kind.itemsize, 1)
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(shape, kind)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, dtype=kind, count=prod(shape)).reshape(shape)
