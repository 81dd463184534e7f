"""Texts that no step of cleaning changes, found by the kernel in C in one pass: printable ASCII with single blanks and nothing to mask.

The kernel leaves out every text that a step might change, and a few more; the steps then decide. Texts that would be such ones with
fewer blanks are changed by the step for blanks alone.
"""

from ctypes import c_int64, c_void_p
from typing import NamedTuple

import numpy as np
import polars as pl

from mgm.native import check_status, load_kernels
from mgm.text.list_columns import Flags, utf8_of


class PlainTexts(NamedTuple):
    """Which texts the steps but `html` leave as they are; no text is in both."""

    as_they_are: Flags
    """No step changes them."""
    but_for_blanks: Flags
    """No step but `whitespace` changes them."""


def find_plain(texts: pl.Series) -> PlainTexts | None:
    """Return the texts that are left as they are; None: there is no kernel."""
    kernels = load_kernels()
    if kernels is None:
        return None
    data, bound = utf8_of(texts)
    plain = np.zeros(len(texts), dtype=np.uint8)
    status = kernels.mgm_find_plain(
        c_void_p(data.address if data is not None else None),
        c_void_p(bound.ctypes.data),
        c_int64(len(texts)),
        c_void_p(plain.ctypes.data),
    )
    check_status(status)
    return PlainTexts(plain == 1, plain == 2)
