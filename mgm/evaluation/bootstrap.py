"""Confidence intervals by the bootstrap over groups: documents of one group (a page, an author's series)
are not independent, so whole groups are drawn (Davison and Hinkley 1997, section 3.8)."""

import math
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from scipy import sparse

from mgm.evaluation.sufficient_statistics import Statistics, Sums

CONFIDENCE = 0.95
_RESAMPLES_AT_ONCE = 50
_NUMBERS_AT_ONCE = 4_000_000


def intervals(
    statistics: Statistics, groups: pl.Series, resamples: int, seed: int, stream: str = ""
) -> dict[str, tuple[float, float]]:
    """Percentile intervals (95%) of every metric, groups drawn with replacement.

    groups (D,) names each document's group; `stream` (a task's name) keeps draws apart under one seed.
    Empty without resamples or with fewer than two groups, since nothing can then be said.
    """
    group = groups.rank("dense").to_numpy().astype(np.int64) - 1
    count = int(group.max()) + 1 if len(group) else 0
    if resamples < 1 or count < 2:
        return {}
    by_group = _by_group(statistics.documents, group, count)
    drawn: dict[str, list[np.ndarray]] = {}
    for weights_RG in _weights(count, resamples, seed, stream):
        for sums in _drawn_sums(by_group, weights_RG):
            for name, values in statistics.metrics(sums).items():
                drawn.setdefault(name, []).append(values)
    found = {name: percentiles(np.concatenate(parts)) for name, parts in drawn.items()}
    return {name: bounds for name, bounds in found.items() if bounds is not None}


class Draws:
    """Resamples of each corpus's groups. One draw is the same for every task and every model that is asked about,
    so that what they share cancels in a difference; corpora are drawn independently of each other.

    groups: corpus to the names of its groups, repeated or not, in any order.
    """

    def __init__(self, groups: Mapping[str, pl.Series], resamples: int, seed: int) -> None:
        self.groups = {corpus: names.unique().sort() for corpus, names in sorted(groups.items())}
        self.resamples, self.seed = resamples, seed

    def metric(self, statistics: Statistics, places: pl.DataFrame, name: str) -> np.ndarray:
        """One metric of `metrics`."""
        return self.metrics(statistics, places)[name]

    def metrics(self, statistics: Statistics, places: pl.DataFrame) -> dict[str, np.ndarray]:
        """Every metric in each resample (R,), nan where it is undefined there.

        places: the columns corpus and group of the D documents of `statistics`; with fewer than two groups among
        them nothing can be said, and all is nan.
        """
        if self.resamples < 1 or places.select("corpus", "group").n_unique() < 2:
            return dict.fromkeys(statistics.score(), np.full(self.resamples, np.nan))
        sums = [self._sums(statistics, places, corpus) for corpus in places["corpus"].unique().sort()]
        drawn = [statistics.metrics(np.sum(parts, axis=0)) for parts in zip(*sums, strict=True)]
        return {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}

    def _sums(self, statistics: Statistics, places: pl.DataFrame, corpus: str) -> Iterator[np.ndarray]:
        """What a corpus's documents add to the sums of each resample (R, M), some resamples at a time."""
        names, rows = self.groups[corpus], np.flatnonzero((places["corpus"] == corpus).to_numpy())
        group = names.search_sorted(places["group"].gather(rows)).to_numpy().astype(np.int64)
        by_group = _by_group(statistics.documents[rows], group, len(names))
        for weights_RG in _weights(len(names), self.resamples, self.seed, f"corpus {corpus}"):
            yield from _drawn_sums(by_group, weights_RG)


def percentiles(drawn: np.ndarray) -> tuple[float, float] | None:
    """The bounds of the middle 95% of what was drawn (R,), nan left out; None where nothing is left."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def bounds(drawn: np.ndarray) -> tuple[float, float]:
    """As `percentiles`; nan where nothing is left."""
    return percentiles(drawn) or (math.nan, math.nan)


def _by_group(documents: sparse.csr_array, group: np.ndarray, count: int) -> sparse.csr_array:
    """(M, G): what the documents of each group add to the sums; `group` (D,) numbers the groups from 0."""
    member = sparse.coo_array(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(count, len(group))
    )
    return (member.tocsr() @ documents).T.tocsr()


def _drawn_sums(by_group: sparse.csr_array, weights_RG: np.ndarray) -> Iterator[Sums]:
    """The sums of each resample (R, M), so few at a time that memory stays bounded where there are many columns."""
    at_once = max(1, _NUMBERS_AT_ONCE // max(by_group.shape[0], 1))
    for first in range(0, len(weights_RG), at_once):
        yield (by_group @ weights_RG[first : first + at_once].T).T


def _weights(count: int, resamples: int, seed: int, stream: str) -> Iterator[np.ndarray]:
    """How often each of `count` groups is drawn in each resample (R, G), some resamples at a time."""
    generator = np.random.default_rng([seed, zlib.crc32(stream.encode())])
    for first in range(0, resamples, _RESAMPLES_AT_ONCE):
        size = min(_RESAMPLES_AT_ONCE, resamples - first)
        picks = generator.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
