"""The library of kernels as the sources are now, also where mgm is installed without it."""

import tempfile
from functools import cache
from pathlib import Path

import pytest

from mgm import native
from mgm.native.build import compile_kernels, system_compiler


@cache
def kernel_library() -> Path:
    """Returns the installed library, or one compiled with the system's compiler; skips the test where there is none."""
    if native.why_missing() is None:
        return native.LIBRARY
    if system_compiler() is None:
        pytest.skip("there is no C compiler")
    library = Path(tempfile.mkdtemp()) / "kernels.so"
    compile_kernels(library)
    return library
