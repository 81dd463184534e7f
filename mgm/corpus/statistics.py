"""What a stage counted and measured of a corpus, gathered part by part in any order."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_DIGITS = 6  # so that equal data is equal bytes


@dataclass
class Statistics:
    """Counts by name, and for each measure how often each of its values (a whole number) occurred.

    Memory: about 100 bytes a distinct value, whatever the number of documents.
    """

    counts: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, name: str, n: int) -> None:
        """Adds n to a count; a count of 0 is stated too."""
        self.counts[name] += int(n)

    def measure(self, name: str, values: pl.Series) -> None:
        """Adds one whole number a document; nulls are left out."""
        found = values.drop_nulls().cast(pl.Int64).alias("value").value_counts(name="n").sort("value")
        self.values[name].update(dict(found.iter_rows()))

    def add(self, other: "Statistics") -> None:
        """Adds what another part counted."""
        self.counts.update(other.counts)
        for name, values in other.values.items():
            self.values[name].update(values)

    def result(self) -> dict[str, Any]:
        """Each count by its name, a name a/b below a; of each measure its quantiles by level and its histogram.

        A histogram lists [lower bound, n]; the bounds are 0 and the powers of two, empty bins at the ends
        left out.
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
    """The quantiles of counted numbers by level, interpolated linearly; empty where there are none."""
    total = sum(values.values())
    if not total:
        return {}
    distinct = np.array(sorted(values))
    ends = np.cumsum([values[v] for v in distinct.tolist()])
    found = {}
    for level in QUANTILES:
        at = level * (total - 1)
        low, high = (
            distinct[np.searchsorted(ends, place, side="right")] for place in (np.floor(at), np.ceil(at))
        )
        found[str(level)] = round(float(low + (high - low) * (at - np.floor(at))), _DIGITS)
    return found


def _histogram(values: Counter[int]) -> list[list[int]]:
    if not values:
        return []
    bins: Counter[int] = Counter()
    for value, n in values.items():
        bins[int(value).bit_length()] += n
    return [[0 if b == 0 else 1 << (b - 1), bins[b]] for b in range(min(bins), max(bins) + 1)]
