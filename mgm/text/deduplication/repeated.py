"""Which of many hashes repeat: those of copies are few, so that only they need further work."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mgm.text.list_columns import Flags

_VALUES_AT_ONCE = 1 << 20


def is_repeated(values: npt.NDArray[np.uint64]) -> Flags:
    """Return whether each value occurs several times. Memory: 9 bytes a value and its flag."""
    ordered = np.sort(values)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    return is_among(values, repeated)


def is_among(values: npt.NDArray[Any], ordered: npt.NDArray[Any]) -> Flags:
    """Return whether each value is one of those in ascending order. Memory: a flag a value, unlike `numpy.isin`."""
    result = np.zeros(len(values), np.bool_)
    if len(ordered):
        for begin in range(0, len(values), _VALUES_AT_ONCE):
            block = values[begin : begin + _VALUES_AT_ONCE]
            place = np.minimum(np.searchsorted(ordered, block), len(ordered) - 1)
            result[begin : begin + _VALUES_AT_ONCE] = ordered[place] == block
    return result
