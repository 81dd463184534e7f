"""Effect sizes of two samples counted in the same bins, each with its expected value by chance.

The noise of a statistic is its mean where both samples, of n and m, are drawn independently from one population;
`draws` is 1/n + 1/m, and `freedom` the number of bins that are used, less one. P-values are left out on purpose: with enough
documents every difference is significant, with few none is.

Of small changes of shares the three measures of categories agree: PSI = 4 V^2 = 8 ln(2) JS^2. They
differ on large ones: PSI grows without limit where a category appears or vanishes, the others end at 1.
"""

import numpy as np
import numpy.typing as npt

Counts = npt.ArrayLike
Shares = npt.NDArray[np.float64]


def population_stability_index(expected: Counts, observed: Counts) -> float:
    """Return the population stability index: sum_i (q_i - p_i) ln(q_i / p_i) of shares p (expected) and q; 0 and above.

    It is Jeffreys' divergence, KL(p, q) + KL(q, p). By custom
    0.1 is a moderate shift and 0.25 a large one, of ten bins. Smoothing: one document is added to each
    sample, spread over the bins by the mean w of both shares: p_i = (a_i + w_i) / (n + 1). So empty bins are
    finite, and equal shares give 0 for any numbers.

    Source: Jeffreys 1946; Lewis 1994 (in credit scoring).
    """
    a, b, p, q = _used_bins(expected, observed)
    mean = (p + q) / 2
    p, q = (a + mean) / (a.sum() + 1), (b + mean) / (b.sum() + 1)
    return float(((q - p) * np.log(q / p)).sum())


def psi_noise(freedom: int, draws: float) -> float:
    """Return the noise of the population stability index.

    Source: Yurdakul 2018, "Statistical properties of population stability index".
    """
    return freedom * draws


def jensen_shannon_distance(one: Counts, other: Counts) -> float:
    """Return the square root of the Jensen-Shannon divergence to base 2: 0 for equal shares, 1 for disjoint ones.

    Source: Endres and Schindelin 2003, who show that it is a metric.
    """
    # imported here, since it takes a second, and most gates have nothing to compare
    from scipy.spatial.distance import jensenshannon

    _, _, p, q = _used_bins(one, other)
    return float(np.nan_to_num(jensenshannon(p, q, base=2)))


def jensen_shannon_noise(freedom: int, draws: float) -> float:
    """Return the noise of the Jensen-Shannon distance (a root mean square)."""
    return float(np.sqrt(freedom * draws / (8 * np.log(2))))


def cramers_v(one: Counts, other: Counts) -> float:
    """Return Cramer's V of two rows of shares, sqrt(chi^2 / 2): 0 for equal shares, 1 for disjoint ones.

    Of shares rather than counts, so that both samples weigh the same: from 50% to 90% is 0.44 of the shares,
    but of the counts 0.03 where 100 documents meet 100,000. V^2 = 1/2 sum_i (p_i - q_i)^2 / (p_i + q_i). Not
    corrected for its bias (Bergsma 2013), which is `cramers_v_noise`.

    Source: Cramer 1946.
    """
    from scipy.stats.contingency import chi2_contingency

    _, _, p, q = _used_bins(one, other)
    return float(np.sqrt(chi2_contingency(np.array([p, q]), correction=False).statistic / 2))


def cramers_v_noise(freedom: int, draws: float) -> float:
    """Return the noise of Cramer's V (a root mean square)."""
    return float(np.sqrt(freedom * draws / 4))


def kolmogorov_smirnov(one: Counts, other: Counts) -> float:
    """Return Kolmogorov-Smirnov D of two histograms of the same bins: the largest difference of cumulative shares.

    It is a lower bound of D between the values, which may part further inside a bin.
    """
    p, q = shares(one), shares(other)
    return float(np.abs(np.cumsum(p) - np.cumsum(q)).max())


def kolmogorov_smirnov_noise(draws: float) -> float:
    """Return the noise of D for continuous values, the mean of Kolmogorov's distribution; it is less for few bins."""
    return float(np.sqrt(np.pi / 2) * np.log(2) * np.sqrt(draws))


def difference_noise(share: float, draws: float) -> float:
    """Return the noise of the absolute difference of two shares: sqrt(2 / pi) of its standard deviation, as of a normal deviate."""
    return float(np.sqrt(2 / np.pi * share * (1 - share) * draws))


def root_excess(value: float, noise: float) -> float:
    """Return a root of a sum of squares without the part of the sum that is noise."""
    return float(np.sqrt(max(value**2 - noise**2, 0.0)))


def shares(counts: Counts) -> Shares:
    """Return counts as shares of their sum.

    Raises:
        ValueError: the sum is 0.
    """
    values = np.asarray(counts, dtype=np.float64)
    if not values.sum() > 0:
        raise ValueError(f"counts that sum to {values.sum():g}; expected at least one")
    return values / values.sum()


def _used_bins(one: Counts, other: Counts) -> tuple[Shares, Shares, Shares, Shares]:
    """Return the counts and shares of the bins that are not empty in both."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    used = a + b > 0
    a, b = a[used], b[used]
    return a, b, shares(a), shares(b)
