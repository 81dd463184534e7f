"""How far one mix of categories is from another: Cramer's V, with what chance adds beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mgm.profiling.drift import LEAST, cramers_v

NOISE = 0.12  # what chance adds to V; above it, V decides nothing
SHOWN = 3


@dataclass(frozen=True)
class Shift:
    """From a reference of m to a mix of n: V, the mean that it would have by chance, and V without that."""

    value: float
    noise: float
    excess: float
    n: int
    m: int
    moved: str

    def __str__(self) -> str:
        return f"Cramer's V {self.value:.3f}, {self.excess:.3f} without chance (n {self.n:,} and {self.m:,}; {self.moved})"


def shift(reference: Mapping[str, int], now: Mapping[str, int]) -> Shift | None:
    """None where either has nothing, or so little that chance decides.

    Without any shift V^2 is about (B - 1)(1/n + 1/m) / 4 of B categories (mgm/profiling/drift.py). Several labels
    of one document are not independent, so that chance adds more to theirs.
    """
    names = sorted({*reference, *now})
    one, other = (np.array([mix.get(name, 0) for name in names], np.float64) for mix in (reference, now))
    m, n = int(one.sum()), int(other.sum())
    if not m or not n:
        return None
    kept = (one / m + other / n) / 2 * min(m, n) >= LEAST
    one, other = (np.append(mix[kept], mix[~kept].sum()) for mix in (one, other))
    names = [*(name for name, keep in zip(names, kept, strict=True) if keep), "(rest)"]
    noise = float(np.sqrt((np.count_nonzero(one + other) - 1) * (1 / n + 1 / m) / 4))
    if noise > NOISE:
        return None
    value = cramers_v(one, other)
    p, q = one / m, other / n
    order = [i for i in np.argsort(-abs(p - q), kind="stable")[:SHOWN] if p[i] != q[i]]
    moved = ", ".join(f"{names[i]} {p[i]:.1%} -> {q[i]:.1%}" for i in order)
    return Shift(value, noise, float(np.sqrt(max(value**2 - noise**2, 0.0))), n, m, moved)
