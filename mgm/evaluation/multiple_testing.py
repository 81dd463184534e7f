"""P-values of one-sided tests, and their adjustment for the number of tests."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

ALPHA = 0.05
"""The significance level: the chance that any test is significant where nothing differs."""


def adjust_holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted by Holm's step-down method, which holds under any dependence between the tests.

    An adjusted value of at most `ALPHA` is significant.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def p_value_below(difference: float, resampled: np.ndarray, *, bound: float = 0.0) -> float:
    """Return the one-sided p-value of a difference that is at least `bound` under the null hypothesis.

    It comes from the bootstrap's standard error and the normal distribution: a share of resamples cannot go below one in
    their number, and Holm's first step may need less.

    Args:
        difference: the difference in the sample.
        resampled: (R,) the difference in each resample.
        bound: the least difference under the null hypothesis.

    Returns:
        The p-value; nan where fewer than two resamples have a value.
    """
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(difference) or len(defined) < 2:
        return float("nan")
    error = float(defined.std(ddof=1))
    if error == 0:
        return 0.0 if difference < bound else 1.0
    return float(ndtr((difference - bound) / error))
