"""Texts that no step of cleaning changes, found by the kernel in C in one pass: printable ASCII with single blanks and nothing to mask.

The kernel leaves out every text that a step might change, and a few more; the steps then decide. Where words alone are read, it also
finds the texts of which cleaning would only collapse blanks, since their words are the same, with the same gaps.
"""

from ctypes import c_int64, c_void_p

import numpy as np
import polars as pl

from mgm.native import load_kernels
from mgm.text.list_columns import Flags, utf8_of

_NEVER = -1


def find_plain(texts: pl.Series, *, min_visible: int | None = None) -> Flags | None:
    """Return which texts are left as they are by all steps but `html`; None: there is no kernel.

    Args:
        texts: the texts.
        min_visible: where given, also a text whose words stay as they are, if it has at least so many characters beside blanks.
    """
    kernels = load_kernels()
    if kernels is None:
        return None
    data, bound = utf8_of(texts)
    plain = np.zeros(len(texts), dtype=np.uint8)
    kernels.mgm_find_plain(
        c_void_p(data.address if data is not None else None),
        c_void_p(bound.ctypes.data),
        c_int64(len(texts)),
        c_int64(_NEVER if min_visible is None else min_visible),
        c_void_p(plain.ctypes.data),
    )
    return plain.astype(bool)
