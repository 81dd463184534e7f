"""Counts that are gathered part by part and give, when all parts are in, how something is distributed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from mgm.corpus.statistics import QUANTILES
from mgm.corpus.sums_by_key import SumsByKey

DIGITS = 6
"""The digits of shares and quantiles: rounded, so that equal data gives equal bytes."""
SIZE_BOUNDS = sorted({round(2 ** (step / 4)) for step in range(81)})
"""0, then four bins an octave (a bin is one whole number, or about a fifth wide), up to 2^20 and above."""
SHARE_BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75]
"""Bounds for shares of a document's words, fine where the share is low."""
DESIGN_EFFECT_VALUES = 200
"""The most frequent values, of which the design effect is taken."""

Histogram = dict[str, Any]
Values = npt.NDArray[np.float64]


def histogram(values: Values, counts: npt.ArrayLike, *, bounds: Sequence[float]) -> Histogram:
    """Return the number of the counted values in each bin.

    Bin i holds bounds[i-1] <= value < bounds[i]; the first is open below and the last above, so there is one
    bin more than bounds. Histograms of the same bounds compare, and add up, without the values.
    """
    weights = np.asarray(counts, dtype=np.float64)
    bins = np.bincount(np.searchsorted(bounds, values, side="right"), weights, minlength=len(bounds) + 1)
    return {"n": int(weights.sum()), "bounds": list(bounds), "counts": bins.astype(int).tolist()}


def add_histograms(histograms: Sequence[Histogram]) -> Histogram:
    """Return the histogram of all values of several histograms.

    Raises:
        ValueError: their bounds differ.
    """
    bounds = require_same("the bounds of a histogram", [one["bounds"] for one in histograms])
    counts = np.sum([one["counts"] for one in histograms], axis=0).tolist()
    return {"n": sum(counts), "bounds": bounds, "counts": counts}


def require_same(name: str, values: Sequence[Any]) -> Any:
    """Return the one value that all profiles have.

    Raises:
        ValueError: they differ.
    """
    for value in values:
        if value != values[0]:
            raise ValueError(
                f"profiles that differ in {name}: {values[0]!r} and {value!r}; expected the same"
            )
    return values[0]


def quantiles(values: Values, counts: npt.ArrayLike) -> dict[str, float]:
    """Return the quantiles of sorted counted values by level, each a value that occurs; empty where there are none."""
    if len(values) == 0:
        return {}
    levels = np.quantile(values, QUANTILES, weights=np.asarray(counts), method="inverted_cdf")
    return {str(level): round(float(value), DIGITS) for level, value in zip(QUANTILES, levels, strict=True)}


def category_counts(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return a mix of categories as a profile states it: n, and counts by name."""
    return {"n": sum(counts.values()), "counts": dict(sorted(counts.items()))}


class CategoryCounts:
    """Counts the occurrences of each category."""

    def __init__(self) -> None:
        """Begin without any value."""
        self._counts: Counter[str] = Counter()

    def add(self, values: pl.Series) -> None:
        """Add one part; nulls are left out."""
        counts = values.drop_nulls().alias("value").value_counts(sort=True, name="n")
        self._counts.update(dict(counts.select("value", "n").iter_rows()))

    def merge(self, other: "CategoryCounts") -> None:
        """Add the counts of other parts."""
        self._counts.update(other._counts)

    def result(self) -> dict[str, Any]:
        """Return n, and counts by name."""
        return category_counts(self._counts)


@dataclass
class IntegerHistogram:
    """Counts the occurrences of each whole number: a histogram over SIZE_BOUNDS. Memory: 100 bytes a distinct number."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, values: pl.Series) -> None:
        """Add one part; nulls are left out."""
        counts = values.drop_nulls().cast(pl.Int64).alias("value").value_counts(name="n")
        self.counts.update(dict(counts.iter_rows()))

    def merge(self, other: "IntegerHistogram") -> None:
        """Add the counts of other parts."""
        self.counts.update(other.counts)

    def result(self) -> Histogram:
        """Return the histogram with its quantiles."""
        values = np.array(sorted(self.counts), dtype=np.float64)
        counts = [self.counts[int(value)] for value in values]
        return histogram(values, counts, bounds=SIZE_BOUNDS) | {"quantiles": quantiles(values, counts)}


class RealHistogram:
    """Counts the occurrences of each real number: a histogram over known bounds, or over the deciles of the numbers.

    Values are kept as float32. Where there are more than `max_distinct` distinct ones, their lowest bits are
    dropped, one after another, until they fit: the same result in any order, and a bounded memory (12 bytes
    a value).
    """

    def __init__(self, bounds: Sequence[float] | None = None, max_distinct: int = 100_000) -> None:
        """Begin without any number."""
        self._bounds = bounds
        self._max_distinct = max_distinct
        self._num_dropped_bits = 0
        self._counts = pl.DataFrame(schema={"bits": pl.Int32, "n": pl.Int64})

    def add(self, values: pl.Series) -> None:
        """Add one part; nulls, infinities and NaN are left out."""
        numbers = values.drop_nulls().cast(pl.Float32).to_numpy()
        bits = (numbers[np.isfinite(numbers)] + np.float32(0)).view(np.int32)  # -0 becomes 0
        part = pl.DataFrame({"bits": bits, "n": np.ones(len(bits), np.int64)})
        self._add_counts(part)

    def merge(self, other: "RealHistogram") -> None:
        """Add the counts of other parts."""
        self._num_dropped_bits = max(self._num_dropped_bits, other._num_dropped_bits)
        self._add_counts(other._counts)

    def _add_counts(self, counts: pl.DataFrame) -> None:
        self._counts = self._group(pl.concat([self._counts, counts]))
        while self._counts.height > self._max_distinct:
            self._num_dropped_bits += 1
            self._counts = self._group(self._counts)

    def _group(self, counts: pl.DataFrame) -> pl.DataFrame:
        kept_bits = pl.col("bits").and_(~((1 << self._num_dropped_bits) - 1))
        return counts.group_by(kept_bits).agg(pl.col("n").sum())

    def result(self) -> Histogram:
        """Return the histogram with its quantiles."""
        counted = self._counts.select(
            value=pl.Series(self._counts["bits"].to_numpy().view(np.float32), dtype=pl.Float64), n="n"
        ).sort("value")
        values, counts = counted["value"].to_numpy(), counted["n"].to_numpy()
        bounds = self._deciles(values, counts) if self._bounds is None else self._bounds
        return histogram(values, counts, bounds=bounds) | {"quantiles": quantiles(values, counts)}

    @staticmethod
    def _deciles(values: Values, counts: npt.NDArray[np.int64]) -> list[float]:
        """Return the bounds of ten bins of about equal counts; where there are few distinct values, each is a bin."""
        if len(values) <= 10:
            return values.tolist()
        levels = np.arange(1, 10) / 10
        return sorted(set(np.quantile(values, levels, weights=counts, method="inverted_cdf").tolist()))


class ClusteredCounts:
    """Counts the occurrences of each value where a document has several of them: words, labels of a set, spans.

    Occurrences within a document are not independent: a word that occurred once is likely to occur again. So
    shares vary more from one set of documents to the next than those of as many independent draws, by the
    design effect (Kish 1965). Memory: see `SumsByKey`, of four sums.
    """

    def __init__(self) -> None:
        """Begin without any document."""
        self._sums = SumsByKey("value", ["n", "documents", "squares", "cross"])
        self.n = 0
        self.num_documents = 0
        self._squares = 0

    def add(
        self, *, row_ids: npt.NDArray[Any], codes: npt.NDArray[Any], names: pl.Series, num_documents: int
    ) -> None:
        """Add one part.

        Args:
            row_ids: the document of each occurrence, as its row in the part.
            codes: the value of each occurrence, as its place in `names`.
            names: the distinct values of the part.
            num_documents: documents of the part, also those without any value.
        """
        once = np.ones(len(codes), dtype=np.int64)
        cells = sparse.coo_array(
            (once, (row_ids, codes)), shape=(num_documents, len(names))
        ).tocsr()  # (D, V)
        sizes = np.bincount(row_ids, minlength=num_documents)
        part = pl.DataFrame(
            {
                "value": names,
                "n": np.asarray(cells.sum(axis=0), np.int64),
                "documents": np.bincount(cells.indices, minlength=len(names)).astype(np.int64),
                "squares": np.asarray((cells * cells).sum(axis=0), np.int64),
                "cross": np.asarray(sizes @ cells, np.int64),
            },
            schema_overrides={"value": pl.String},
        )
        self._sums.add(part.filter(pl.col("n") > 0))
        self.n += len(codes)
        self.num_documents += num_documents
        self._squares += int(sizes @ sizes)

    def merge(self, other: "ClusteredCounts") -> None:
        """Add the counts of other parts."""
        self._sums.merge(other._sums)
        self.n += other.n
        self.num_documents += other.num_documents
        self._squares += other._squares

    def divisions(self) -> Iterator[pl.DataFrame]:
        """Yield one row a value, in no order: value, n, documents (in which it occurs), and sums of squares; see `SumsByKey`."""
        return self._sums.divisions()

    def counts(self, top: int) -> dict[str, int]:
        """Return the counts of the `top` most frequent values, by falling count; of equals by name."""
        return dict(self._top(top).select("value", "n").iter_rows())

    def _top(self, top: int) -> pl.DataFrame:
        def best(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.top_k(top, by=["n", "value"], reverse=[False, True])

        rows = best(pl.concat([best(division) for division in self.divisions()]))
        return rows.sort("n", "value", descending=[True, False])

    def design_effect(self, top: int) -> float:
        """Return the ratio of the variance of the shares to that of independent draws; 1 where it cannot be estimated.

        For one value, of which document d has c_d among its L_d: sum_d (c_d - p L_d)^2 D/(D-1) / (n p (1-p)),
        the ratio estimator's variance (Cochran 1977, section 3.4) over the binomial one. Of the `top` values
        together, the mean weighted by 1 - p, which corrects a chi-square (Rao and Scott 1981).
        """
        return self._design_effect_of_rows(self._top(top))

    def design_effect_of(self, value: str) -> float:
        """Return the design effect of one value against all others."""
        rows = [division.filter(pl.col("value") == value) for division in self.divisions()]
        return self._design_effect_of_rows(pl.concat(rows))

    def _design_effect_of_rows(self, rows: pl.DataFrame) -> float:
        if self.num_documents < 2 or rows.is_empty():
            return 1.0
        n, squares, cross = (rows[name].to_numpy().astype(np.float64) for name in ("n", "squares", "cross"))
        share = n / self.n
        varying = (share > 0) & (share < 1)
        if not varying.any():
            return 1.0
        spread = squares - 2 * share * cross + share**2 * self._squares
        scale = self.num_documents / (self.num_documents - 1)
        # (1 - p) times each value's effect, so that 1 - p cancels.
        effect = (spread[varying] * scale / n[varying]).sum() / (1 - share[varying]).sum()
        return round(float(effect), 3)


def mean_design_effect(sections: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean of the design effects of sections of profiles, weighted by their n; 1 without any."""
    n = np.array([section["n"] for section in sections])
    effects = np.array([section["design_effect"] for section in sections])
    return round(float(effects @ n / n.sum()), 3) if n.sum() else 1.0
