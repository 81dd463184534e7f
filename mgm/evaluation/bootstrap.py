"""Confidence intervals by the bootstrap over groups.

Documents of one group (a page, an author's series) are not independent, so whole groups are drawn.

Axes: R resamples, D documents, G groups, M columns of the sums.

Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8.
"""

import math
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from scipy import sparse

from mgm.evaluation.sufficient_statistics import Statistics, Sums, rounded

CONFIDENCE = 0.95
_RESAMPLES_AT_ONCE = 50
_NUMBERS_AT_ONCE = 4_000_000


def confidence_intervals(
    statistics: Statistics, groups: pl.Series, *, resamples: int, seed: int, stream: str = ""
) -> dict[str, tuple[float, float]]:
    """Return the 95% percentile interval of every metric.

    Args:
        statistics: the sufficient statistics of D documents.
        groups: (D,) the group of each document.
        resamples: the number of draws of the groups with replacement.
        seed: the seed of the draws.
        stream: keeps the draws under one seed apart, such as a task's name.

    Returns:
        Low and high by metric; empty without resamples or with fewer than two groups, which show no spread.
    """
    group = groups.rank("dense").to_numpy().astype(np.int64) - 1
    count = int(group.max()) + 1 if len(group) else 0
    if resamples < 1 or count < 2:
        return {}
    by_group = _sum_by_group(statistics.documents, group, count=count)
    values: dict[str, list[np.ndarray]] = {}
    for weights_RG in _draw_weights(count, resamples, seed=seed, stream=stream):
        for sums in _resampled_sums(by_group, weights_RG):
            for name, metric in statistics.metrics(sums).items():
                values.setdefault(name, []).append(metric)
    intervals = {name: percentile_interval(np.concatenate(parts)) for name, parts in values.items()}
    return {name: interval for name, interval in intervals.items() if interval is not None}


class GroupBootstrap:
    """Resamples of each corpus's groups, the same ones for every task and every model.

    Whatever two tasks or models share therefore cancels in their difference. Corpora are drawn independently of each other.
    """

    def __init__(self, groups: Mapping[str, pl.Series], *, resamples: int, seed: int) -> None:
        """Take the groups to draw from.

        Args:
            groups: the names of each corpus's groups, repeated or not, in any order.
            resamples: the number of draws of the groups with replacement.
            seed: the seed of the draws.
        """
        self.groups = {corpus: names.unique().sort() for corpus, names in sorted(groups.items())}
        self.resamples, self.seed = resamples, seed

    def metrics(self, statistics: Statistics, documents: pl.DataFrame) -> dict[str, np.ndarray]:
        """Return every metric in each resample (R,), nan where it is undefined there.

        Args:
            statistics: the sufficient statistics of D documents.
            documents: the columns corpus and group of the same D documents. With fewer than two groups all is nan.
        """
        if self.resamples < 1 or documents.select("corpus", "group").n_unique() < 2:
            return dict.fromkeys(statistics.score(), np.full(self.resamples, np.nan))
        sums = [
            self._sums(statistics, documents, corpus=corpus) for corpus in documents["corpus"].unique().sort()
        ]
        resampled = [statistics.metrics(np.sum(parts, axis=0)) for parts in zip(*sums, strict=True)]
        return {name: np.concatenate([part[name] for part in resampled]) for name in resampled[0]}

    def _sums(self, statistics: Statistics, documents: pl.DataFrame, *, corpus: str) -> Iterator[np.ndarray]:
        """Yield a corpus's contribution to the sums of each resample (R, M), some resamples at a time."""
        names, rows = self.groups[corpus], np.flatnonzero((documents["corpus"] == corpus).to_numpy())
        group = names.search_sorted(documents["group"].gather(rows)).to_numpy().astype(np.int64)
        by_group = _sum_by_group(statistics.documents[rows], group, count=len(names))
        for weights_RG in _draw_weights(
            len(names), self.resamples, seed=self.seed, stream=f"corpus {corpus}"
        ):
            yield from _resampled_sums(by_group, weights_RG)


def percentile_interval(resampled: np.ndarray) -> tuple[float, float] | None:
    """Return the bounds of the middle 95% of values (R,), nan left out; None where no value is left."""
    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def interval_entry(resampled: np.ndarray, prefix: str = "") -> dict[str, float | None]:
    """Return the percentile interval of values (R,) as reports hold it, under the keys `<prefix>low` and `<prefix>high`."""
    low, high = percentile_interval(resampled) or (math.nan, math.nan)
    return {f"{prefix}low": rounded(low), f"{prefix}high": rounded(high)}


def _sum_by_group(documents: sparse.csr_array, group: np.ndarray, *, count: int) -> sparse.csr_array:
    """Return the contribution of each group's documents to the sums (M, G); `group` (D,) numbers the groups from 0."""
    member = sparse.coo_array(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(count, len(group))
    )
    return (member.tocsr() @ documents).T.tocsr()


def _resampled_sums(by_group: sparse.csr_array, weights_RG: np.ndarray) -> Iterator[Sums]:
    """Yield the sums of resamples (R, M), so few at a time that memory stays bounded where there are many columns."""
    at_once = max(1, _NUMBERS_AT_ONCE // max(by_group.shape[0], 1))
    for first in range(0, len(weights_RG), at_once):
        yield (by_group @ weights_RG[first : first + at_once].T).T


def _draw_weights(count: int, resamples: int, *, seed: int, stream: str) -> Iterator[np.ndarray]:
    """Yield the number of times that each of `count` groups is drawn in each resample (R, G), some resamples at a time."""
    generator = np.random.default_rng([seed, zlib.crc32(stream.encode())])
    for first in range(0, resamples, _RESAMPLES_AT_ONCE):
        size = min(_RESAMPLES_AT_ONCE, resamples - first)
        picks = generator.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
