"""Counts and measures of a corpus, gathered part by part in any order."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_DIGITS = 6  # so that equal data is equal bytes


@dataclass
class Statistics:
    """Counts by name, and for each measure the frequency of each of its values, which are whole numbers.

    Memory: about 100 bytes for each distinct value, independent of the number of documents.
    """

    counts: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, name: str, n: int) -> None:
        """Add n to a count; a count of 0 is part of the result, too."""
        self.counts[name] += int(n)

    def measure(self, name: str, values: pl.Series) -> None:
        """Add the values of a measure, one for each document; nulls are left out."""
        frequencies = values.drop_nulls().cast(pl.Int64).alias("value").value_counts(name="n").sort("value")
        self.values[name].update(dict(frequencies.iter_rows()))

    def add(self, other: "Statistics") -> None:
        """Add the statistics of another part."""
        self.counts.update(other.counts)
        for name, values in other.values.items():
            self.values[name].update(values)

    def to_json(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        values = {name: sorted(frequencies.items()) for name, frequencies in self.values.items()}
        return {"counts": dict(self.counts), "values": values}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Return what `to_json` has written."""
        statistics = cls(counts=Counter(content["counts"]))
        for name, frequencies in content["values"].items():
            statistics.values[name].update(dict(frequencies))
        return statistics

    def result(self) -> dict[str, Any]:
        """Return each count by its name, a name a/b below a, and of each measure its quantiles by level and its histogram.

        A histogram is a list of [lower bound, n]; the bounds are 0 and the powers of two, without empty bins at the ends.
        """
        measures = {}
        for name, values in sorted(self.values.items()):
            measures[name] = {"quantiles": weighted_quantiles(values), "histogram": _histogram(values)}
        counts: dict[str, Any] = {}
        for name, n in sorted(self.counts.items()):
            group, _, rest = name.rpartition("/")
            place = counts.setdefault(group, {}) if group else counts
            assert isinstance(place, dict), f"{group!r} names two things: {sorted(self.counts)}"
            place[rest] = n
        for name in counts.keys() & measures.keys():
            raise AssertionError(f"{name!r} names two things: a count and a measure")
        return counts | measures


def weighted_quantiles(values: Counter[int]) -> dict[str, float]:
    """Return the quantiles of counted numbers by level, interpolated linearly; empty where there are no numbers."""
    total = sum(values.values())
    if not total:
        return {}
    distinct = np.array(sorted(values))
    ends = np.cumsum([values[v] for v in distinct.tolist()])
    quantiles = {}
    for level in QUANTILES:
        position = level * (total - 1)
        low, high = (
            distinct[np.searchsorted(ends, place, side="right")]
            for place in (np.floor(position), np.ceil(position))
        )
        quantiles[str(level)] = round(float(low + (high - low) * (position - np.floor(position))), _DIGITS)
    return quantiles


def _histogram(values: Counter[int]) -> list[list[int]]:
    if not values:
        return []
    bins: Counter[int] = Counter()
    for value, n in values.items():
        bins[int(value).bit_length()] += n
    return [[0 if b == 0 else 1 << (b - 1), bins[b]] for b in range(min(bins), max(bins) + 1)]
