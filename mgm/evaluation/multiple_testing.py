"""Many questions at once: p-values adjusted so that the chance of one false finding stays what it is said to be."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

ALPHA = 0.05
"""The chance that anything at all is called significant where nothing differs."""


def holm(p: Sequence[float]) -> np.ndarray:
    """P-values adjusted by Holm's step-down method (Holm 1979), which holds whatever the dependence between them.

    An adjusted value of at most ALPHA is significant.
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def p_below(difference: float, drawn: np.ndarray, bound: float = 0.0) -> float:
    """How often a difference at least as low would be drawn where it is `bound` or more: from its bootstrap error and the
    normal distribution, one-sided.

    A share of resamples could not go below one in their number, which Holm's first step may ask for. nan: nothing known.
    """
    known = drawn[~np.isnan(drawn)]
    if np.isnan(difference) or len(known) < 2:
        return float("nan")
    error = float(known.std(ddof=1))
    if error == 0:
        return 0.0 if difference < bound else 1.0
    return float(norm.cdf((difference - bound) / error))
