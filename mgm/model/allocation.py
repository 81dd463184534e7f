"""Settings of the C library's memory allocator, on which the speed of allocating large arrays in each batch depends."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_KEPT = 32 << 20  # the most that glibc accepts
_KEPT = 512 << 20


def keep_freed_memory() -> None:
    """Make glibc keep up to half a gigabyte of freed memory, instead of giving it back to the system.

    A batch's arrays take some megabytes. Where they are given back and allocated again each time, the kernel clears their
    pages, which takes a fifth of the time of scoring, and about a twentieth of that of training on a CPU. The change holds for
    the whole process; `mgm.training.loop.train` and `mgm.scoring.scorer.Scorer.load` make it, as they document. It
    does nothing on other systems than Linux.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, _KEPT)
