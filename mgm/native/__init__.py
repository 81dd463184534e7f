"""Compiled kernels: loops of scoring and training in C, which `pip install` compiles.

Without them everything works the same, slower, in torch and LIBLINEAR: `load_kernels` returns None then, and its callers go on without it.
"""

import ctypes
import os
from functools import cache
from pathlib import Path

from mgm.native.build import LIBRARY, source_hash

SWITCH = "MGM_KERNELS"
"""The environment variable that switches the kernels off, by the value "off"."""


class KernelError(MemoryError):
    """A kernel found no memory."""


def load_kernels() -> ctypes.CDLL | None:
    """Return the library of kernels; None: there is none, for the reason that `why_missing` gives."""
    return _open(LIBRARY)[0]


def why_missing() -> str | None:
    """Return why there are no kernels; None: there are."""
    return _open(LIBRARY)[1]


def vector_bits(library: ctypes.CDLL) -> int:
    """Return the most bits of a vector that the kernels of a library compute with on this processor."""
    bits: int = library.mgm_vector_bits()
    return bits


def check_status(status: int) -> None:
    """Check the status that a kernel returned.

    Raises:
        KernelError: it found no memory.
    """
    if status:
        raise KernelError("a compiled kernel found no memory")


@cache
def _open(path: Path) -> tuple[ctypes.CDLL | None, str | None]:
    """Return the library, or why it cannot be used."""
    if os.environ.get(SWITCH) == "off":
        return None, f"switched off by {SWITCH}=off"
    if not path.is_file():
        return None, f"{path}: missing, since there was no C compiler when mgm was installed"
    try:
        library = ctypes.CDLL(str(path))
        library.mgm_kernels_source.restype = ctypes.c_char_p
        compiled_from = library.mgm_kernels_source().decode()
    except (OSError, AttributeError) as error:
        return None, f"{path}: no library of kernels: {error}"
    if compiled_from != source_hash():
        return None, f"{path}: compiled from other sources than the installed ones; install mgm again"
    return library, None
