"""Addresses of the web to placeholders by the kernel in C, as the expression of `mask` finds them."""

from ctypes import c_int64, c_void_p

import numpy as np
import polars as pl
import pyarrow as pa

from mgm.native import load_kernels
from mgm.text.cleaning.rewrite import replace_rows
from mgm.text.list_columns import Array, utf8_of
from mgm.text.offsets import Edits

_LEAST_BYTES = 5  # of an address, and the bytes of its placeholder


def mask_urls(texts: pl.Series, placeholder: str) -> tuple[pl.Series, Edits, Array]:
    """Return the texts with placeholders, the edits, and the rows that are left to the expression.

    These have characters beyond ASCII that may belong to an address; without a kernel they are all rows.
    """
    kernels = load_kernels()
    data, bounds = utf8_of(texts)
    size = int(bounds[-1] - bounds[0]) if len(bounds) else 0
    if kernels is None or data is None or size == 0:
        return texts, Edits.none(), np.arange(len(texts))
    assert len(placeholder) == _LEAST_BYTES
    mark = placeholder.encode()
    count, start, end = (
        np.empty(n, np.int64) for n in (len(texts), size // _LEAST_BYTES, size // _LEAST_BYTES)
    )
    masked, masked_bounds = np.empty(size, np.uint8), np.empty(len(texts) + 1, np.int64)
    kernels.mgm_mask_urls.restype = c_int64
    urls = kernels.mgm_mask_urls(
        c_void_p(data.address),
        c_void_p(bounds.ctypes.data),
        c_int64(len(texts)),
        mark,
        c_int64(len(mark)),
        *(c_void_p(array.ctypes.data) for array in (count, masked, masked_bounds, start, end)),
    )
    left = np.flatnonzero(count < 0)
    if urls == 0:
        return texts, Edits.none(), left
    text = pa.py_buffer(masked[: masked_bounds[-1]])
    all_masked = pl.from_arrow(
        pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(masked_bounds), text)
    )
    assert isinstance(all_masked, pl.Series)
    rows = np.flatnonzero(count > 0)
    edits = masking_edits(np.repeat(rows, count[rows]), start[:urls], end=end[:urls], placeholder=placeholder)
    return replace_rows(texts, rows, changed=all_masked.gather(rows)), edits, left


def masking_edits(row: Array, start: Array, *, end: Array, placeholder: str) -> Edits:
    """Return the edits that put a placeholder in the place of each of these ranges, sorted by row, then by place."""
    # A placeholder begins where its match began, moved by the change in length of the matches before it in its text.
    gain = len(placeholder) - (end - start)
    total = np.cumsum(gain) - gain
    first = np.searchsorted(row, row, side="left")
    target = start + total - total[first]
    return Edits.of(row, start, end, target, target + len(placeholder))
