"""Counts that are gathered part by part and say, when all are in, how something is distributed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

DIGITS = 6  # of shares and quantiles, so that equal data is equal bytes
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

# 0, then four bins an octave (a bin is one whole number, or about a fifth wide), up to 2^20 and above.
SIZE_BOUNDS = sorted({round(2 ** (step / 4)) for step in range(81)})
# Shares of a document's words, fine where few words are unknown.
SHARE_BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75]

Histogram = dict[str, Any]
Values = npt.NDArray[np.float64]


def histogram(values: Values, counts: npt.ArrayLike, bounds: Sequence[float]) -> Histogram:
    """How many of the counted values fall into each bin.

    Bin i holds bounds[i-1] <= value < bounds[i]; the first is open below and the last above, so there is one
    bin more than bounds. Histograms of the same bounds compare, and add up, without the values.
    """
    weights = np.asarray(counts, dtype=np.float64)
    bins = np.bincount(np.searchsorted(bounds, values, side="right"), weights, minlength=len(bounds) + 1)
    return {"n": int(weights.sum()), "bounds": list(bounds), "counts": bins.astype(int).tolist()}


def quantiles(values: Values, counts: npt.ArrayLike) -> dict[str, float]:
    """Quantiles of sorted counted values by level, each a value that occurs; empty where there are none."""
    if len(values) == 0:
        return {}
    found = np.quantile(values, QUANTILES, weights=np.asarray(counts), method="inverted_cdf")
    return {str(level): round(float(value), DIGITS) for level, value in zip(QUANTILES, found, strict=True)}


@dataclass
class Sizes:
    """How often each whole number occurred: a histogram over SIZE_BOUNDS. Memory: 100 bytes each."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, values: pl.Series) -> None:
        found = values.drop_nulls().cast(pl.Int64).alias("value").value_counts(name="n")
        self.counts.update(dict(found.iter_rows()))

    def result(self) -> Histogram:
        values = np.array(sorted(self.counts), dtype=np.float64)
        counts = [self.counts[int(value)] for value in values]
        return histogram(values, counts, SIZE_BOUNDS) | {"quantiles": quantiles(values, counts)}


class Numbers:
    """How often each real number occurred: a histogram whose bounds are given, or the deciles of what came.

    Values are kept as float32. Where more than `limit` distinct ones have come, their lowest bits are
    dropped, one after another, until they fit: the same result in any order, and a bounded memory (12 bytes
    a value).
    """

    def __init__(self, bounds: Sequence[float] | None = None, limit: int = 100_000) -> None:
        self._bounds = bounds
        self._limit = limit
        self._dropped = 0
        self._counts = pl.DataFrame(schema={"bits": pl.Int32, "n": pl.Int64})

    def add(self, values: pl.Series) -> None:
        """Adds one part; nulls, infinities and NaN are left out."""
        given = values.drop_nulls().cast(pl.Float32).to_numpy()
        bits = (given[np.isfinite(given)] + np.float32(0)).view(np.int32)  # -0 becomes 0
        fresh = pl.DataFrame({"bits": bits, "n": np.ones(len(bits), np.int64)})
        self._counts = self._grouped(pl.concat([self._counts, fresh]))
        while self._counts.height > self._limit:
            self._dropped += 1
            self._counts = self._grouped(self._counts)

    def _grouped(self, counts: pl.DataFrame) -> pl.DataFrame:
        kept = pl.col("bits").and_(~((1 << self._dropped) - 1))
        return counts.group_by(kept).agg(pl.col("n").sum())

    def result(self) -> Histogram:
        counted = self._counts.select(
            value=pl.Series(self._counts["bits"].to_numpy().view(np.float32), dtype=pl.Float64), n="n"
        ).sort("value")
        values, counts = counted["value"].to_numpy(), counted["n"].to_numpy()
        bounds = self._deciles(values, counts) if self._bounds is None else self._bounds
        return histogram(values, counts, bounds) | {"quantiles": quantiles(values, counts)}

    @staticmethod
    def _deciles(values: Values, counts: npt.NDArray[np.int64]) -> list[float]:
        """The bounds of ten bins of about equal counts; of few distinct values, each is a bin."""
        if len(values) <= 10:
            return values.tolist()
        levels = np.arange(1, 10) / 10
        return sorted(set(np.quantile(values, levels, weights=counts, method="inverted_cdf").tolist()))


class Clustered:
    """How often each value occurred, where a document has several of them: words, labels of a list, spans.

    Occurrences within a document are not independent: a word that occurred once is likely to occur again. So
    shares vary more from one set of documents to the next than those of as many independent draws, by the
    design effect (Kish 1965). Memory: about 400 bytes a distinct value
    while parts are added up.
    """

    def __init__(self) -> None:
        whole = dict.fromkeys(("n", "documents", "squares", "cross"), pl.Int64)
        self._table = pl.DataFrame(schema={"value": pl.String, **whole})
        self._waiting: list[pl.DataFrame] = []
        self.n = 0
        self.documents = 0
        self._squares = 0

    def add(self, owner: npt.NDArray[Any], codes: npt.NDArray[Any], names: pl.Series, documents: int) -> None:
        """Adds one part of `documents`: of each occurrence its document (a row) and its place in `names`."""
        once = np.ones(len(codes), dtype=np.int64)
        cells = sparse.coo_array((once, (owner, codes)), shape=(documents, len(names))).tocsr()  # (D, V)
        sizes = np.bincount(owner, minlength=documents)
        fresh = pl.DataFrame(
            {
                "value": names,
                "n": np.asarray(cells.sum(axis=0), np.int64),
                "documents": np.bincount(cells.indices, minlength=len(names)).astype(np.int64),
                "squares": np.asarray((cells * cells).sum(axis=0), np.int64),
                "cross": np.asarray(sizes @ cells, np.int64),
            },
            schema_overrides={"value": pl.String},
        )
        self._waiting.append(fresh.filter(pl.col("n") > 0))
        # Adding up when as much has come as there is takes each row through few additions.
        if sum(part.height for part in self._waiting) > self._table.height:
            self._add_up()
        self.n += len(codes)
        self.documents += documents
        self._squares += int(sizes @ sizes)

    def _add_up(self) -> None:
        both = pl.concat([self._table, *self._waiting])
        self._table, self._waiting = both.group_by("value").agg(pl.exclude("value").sum()), []

    @property
    def table(self) -> pl.DataFrame:
        """One row a value, in no order: value, n, documents (in which it occurs), and sums of squares."""
        self._add_up()
        return self._table

    def counts(self, top: int) -> dict[str, int]:
        """The `top` most frequent values and how often each occurred, by falling count; of equals by name."""
        return dict(self._top(top).select("value", "n").iter_rows())

    def _top(self, top: int) -> pl.DataFrame:
        rows = self.table.top_k(top, by=["n", "value"], reverse=[False, True])
        return rows.sort("n", "value", descending=[True, False])

    def design_effect(self, top: int) -> float:
        """How many times the variance of the shares is that of independent draws; 1 where none can be told.

        For one value, of which document d has c_d among its L_d: sum_d (c_d - p L_d)^2 D/(D-1) / (n p (1-p)),
        the ratio estimator's variance (Cochran 1977, section 3.4) over the binomial one. Of the `top` values
        together, the mean weighted by 1 - p, which corrects a chi-square (Rao and Scott 1981).
        """
        return self._effect(self._top(top))

    def design_effect_of(self, value: str) -> float:
        """The same for one value against all others."""
        return self._effect(self.table.filter(pl.col("value") == value))

    def _effect(self, rows: pl.DataFrame) -> float:
        if self.documents < 2 or rows.is_empty():
            return 1.0
        n, squares, cross = (rows[name].to_numpy().astype(np.float64) for name in ("n", "squares", "cross"))
        share = n / self.n
        varying = (share > 0) & (share < 1)
        if not varying.any():
            return 1.0
        spread = squares - 2 * share * cross + share**2 * self._squares
        scale = self.documents / (self.documents - 1)
        # (1 - p) times each value's effect, so that 1 - p cancels.
        effect = (spread[varying] * scale / n[varying]).sum() / (1 - share[varying]).sum()
        return round(float(effect), 3)
