"""How the C library hands out memory, which decides how fast large arrays are made anew batch after batch."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_KEPT = 32 << 20  # the most that glibc accepts
_KEPT = 512 << 20


def keep_freed_memory() -> None:
    """Has glibc keep up to half a gigabyte of freed memory, instead of giving it back to the system.

    A batch's arrays are of some megabytes; given back and asked for again each time, their pages are cleared by the
    kernel: of scoring that is a fifth of the time, of training on a CPU about a twentieth. For the whole process; elsewhere than on Linux nothing is done.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # there is none in musl
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_TRIM_THRESHOLD, _KEPT)
