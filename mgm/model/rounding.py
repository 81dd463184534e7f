"""The rounding of scores in tables."""

import numpy as np

SCORE_DIGITS = 4
"""Decimals of every score and value that is written: below them, floating point differs between machines."""


def round_scores(values: np.ndarray) -> np.ndarray:
    """Return scores as float32, rounded to SCORE_DIGITS."""
    return np.round(values.astype(np.float64), SCORE_DIGITS).astype(np.float32)
