"""Confidence intervals by the bootstrap over groups: documents of one group (a page, an author's series)
are not independent, so whole groups are drawn (Davison and Hinkley 1997, section 3.8)."""

import zlib

import numpy as np
import polars as pl
from scipy import sparse

from mgm.evaluation.metrics import Statistics

CONFIDENCE = 0.95
_RESAMPLES_AT_ONCE = 50


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
    member = sparse.coo_array(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(count, len(group))
    )
    by_group = (member.tocsr() @ statistics.documents).T.tocsr()  # (M, G)
    generator = np.random.default_rng([seed, zlib.crc32(stream.encode())])
    drawn: dict[str, list[np.ndarray]] = {}
    for first in range(0, resamples, _RESAMPLES_AT_ONCE):
        size = min(_RESAMPLES_AT_ONCE, resamples - first)
        picks = generator.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        weights_RG = (
            np.bincount(picks.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)
        )
        for name, values in statistics.metrics((by_group @ weights_RG.T).T).items():
            drawn.setdefault(name, []).append(values)
    tail = (1 - CONFIDENCE) / 2
    result = {}
    for name, parts in drawn.items():
        values = np.concatenate(parts)
        values = values[~np.isnan(values)]
        if len(values):
            low, high = np.quantile(values, [tail, 1 - tail])
            result[name] = (float(low), float(high))
    return result
