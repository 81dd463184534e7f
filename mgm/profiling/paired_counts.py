"""Two samples counted in the same bins, with bins that are too rare to compare merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mgm.profiling.effect_sizes import Shares, shares

NUM_RANGES = 10
"""Bins of a histogram for the population stability index, as its thresholds suppose."""
MIN_EXPECTED_COUNT = 2.5
"""A category's mean share times the smaller n; below, it joins the rest."""
REST = "(rest)"
NUM_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class PairedCounts:
    """The counts of a reference and of a current sample by named bins."""

    names: list[str]
    reference: Shares
    current: Shares
    reference_draws: float
    """The number of independent draws that the reference is worth."""
    current_draws: float
    min_freedom: int = 0

    @property
    def draws(self) -> float:
        """1/n + 1/m, by which the noise of every statistic grows."""
        return 1 / self.current_draws + 1 / self.reference_draws

    @property
    def freedom(self) -> int:
        """The number of bins that are used, less one."""
        return max(int(np.count_nonzero(self.reference + self.current)) - 1, self.min_freedom)

    @property
    def mean_shares(self) -> Shares:
        """The mean of both shares of each bin."""
        return (shares(self.reference) + shares(self.current)) / 2

    def merge(self, bins: npt.NDArray[np.int64], names: list[str]) -> "PairedCounts":
        """Return the same samples with bin i counted in bins[i].

        Where several bins become one, which cannot show any difference, the noise stays that of two.
        """
        reference, current = np.zeros(len(names)), np.zeros(len(names))
        np.add.at(reference, bins, self.reference)
        np.add.at(current, bins, self.current)
        return PairedCounts(
            names=names,
            reference=reference,
            current=current,
            reference_draws=self.reference_draws,
            current_draws=self.current_draws,
            min_freedom=min(self.freedom, 1),
        )

    def largest_changes(self) -> str:
        """Return the bins whose shares changed most, in words."""
        p, q = shares(self.reference), shares(self.current)
        order = sorted(range(len(p)), key=lambda i: (-abs(p[i] - q[i]), i))[:NUM_SHOWN]
        return ", ".join(f"{self.names[i]} {p[i]:.1%} -> {q[i]:.1%}" for i in order if p[i] != q[i])


def pair_categories(
    reference: Mapping[str, int], current: Mapping[str, int], *, design_effect: float = 1.0
) -> PairedCounts:
    """Return two mixes of categories as paired counts, those too rare to compare as one.

    Args:
        design_effect: the number of counts that are worth one independent draw.
    """
    names = [*sorted({*reference, *current} - {REST}), REST]
    one, other = (np.array([mix.get(name, 0) for name in names], float) for mix in (reference, current))
    pair = PairedCounts(
        names=names,
        reference=one,
        current=other,
        reference_draws=one.sum() / design_effect,
        current_draws=other.sum() / design_effect,
    )
    kept = pair.mean_shares * min(pair.reference_draws, pair.current_draws) >= MIN_EXPECTED_COUNT
    kept[-1] = False
    bins = np.where(kept, np.cumsum(kept) - 1, kept.sum())
    return pair.merge(bins, [*(name for name, keep in zip(names, kept, strict=True) if keep), REST])


def pair_histograms(reference: npt.ArrayLike, current: npt.ArrayLike) -> PairedCounts:
    """Return two histograms of the same bounds as paired counts."""
    one, other = np.array(reference, float), np.array(current, float)
    return PairedCounts(
        names=[], reference=one, current=other, reference_draws=one.sum(), current_draws=other.sum()
    )


def merge_neighbours(pair: PairedCounts, bounds: list[float]) -> PairedCounts:
    """Return a pair of histograms with neighbouring bins merged to at most NUM_RANGES of about equal mean share."""
    min_share = max(1 / NUM_RANGES, MIN_EXPECTED_COUNT / min(pair.reference_draws, pair.current_draws))
    min_share -= 1e-9  # shares are rounded
    bins = np.zeros(len(pair.reference), np.int64)
    last, share_below, share_left = 0, 0.0, 1.0
    for i, share in enumerate(pair.mean_shares):
        bins[i] = last
        share_below, share_left = share_below + share, share_left - share
        if share_below >= min_share and share_left >= min_share:
            last, share_below = last + 1, 0.0
    firsts = np.flatnonzero(np.diff(bins, prepend=-1))
    edges = [None, *(bounds[i - 1] for i in firsts[1:]), None]
    return pair.merge(bins, [_describe_range(low, high) for low, high in pairwise(edges)])


def _describe_range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "all"
    if low is None:
        return f"< {high:g}"
    return f">= {low:g}" if high is None else f"{low:g} to < {high:g}"
