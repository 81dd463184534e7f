"""Fits of what a stage takes to the number of documents n: start + slope * n, or * n log2 n."""

import math
from typing import Any

import numpy as np

LINEAR = {"n": lambda n: n}
TIMES = LINEAR | {"n log n": lambda n: n * np.log2(np.maximum(n, 2))}


def fit(sizes_: list[int], values: list[float], shapes: dict[str, Any]) -> dict[str, Any]:
    """Fit value = start + slope * shape(n) with the least relative error, both at least 0; of several shapes the best one."""
    n, y = np.array(sizes_, float), np.array(values, float)
    fits = []
    for name, shape in shapes.items():
        x = shape(n)
        weight = 1 / np.maximum(y, 1e-9)
        matrix = np.stack([np.ones_like(x), x], axis=1)
        start, slope = np.linalg.lstsq(matrix * weight[:, None], y * weight, rcond=None)[0]
        if start < 0:
            start, slope = 0.0, float((x * y * weight**2).sum() / (x * x * weight**2).sum())
        if slope < 0:
            start, slope = float((y * weight**2).sum() / (weight**2).sum()), 0.0
        error = float(np.sqrt(np.mean(((start + slope * x) / np.maximum(y, 1e-9) - 1) ** 2)))
        fits.append(
            {"growth": name, "start": float(start), "slope": float(slope), "relative_error": round(error, 4)}
        )
    return min(fits, key=lambda one: one["relative_error"])


def exponent(ns: list[int], seconds: list[float]) -> float | None:
    """The power of n with which seconds grow between the two largest sizes, without those of the start, which the smallest size has."""
    start = seconds[0]
    (n1, t1), (n2, t2) = list(zip(ns, seconds, strict=True))[-2:]
    if t1 <= start or t2 <= start or len(ns) < 3:
        return None
    return round(math.log((t2 - start) / (t1 - start)) / math.log((n2 - ns[0]) / (n1 - ns[0])), 3)


def at(fitted: dict[str, Any], n: float) -> float:
    """The value of a fit for n documents."""
    return float(fitted["start"] + fitted["slope"] * float(TIMES[fitted["growth"]](np.array(n, float))))
