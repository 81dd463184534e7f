"""Spans that overlap: a softer match than equal bounds. Half-open spans overlap where they share a code point."""

from collections.abc import Sequence

import numpy as np
import polars as pl


def overlaps(found: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Of each span of items.matches: is it predicted and overlaps a true one of its label; and the other way round."""
    by = ["row", "label"]
    masks = []
    for side, other in (("predicted", "true"), ("true", "predicted")):
        near = np.zeros(found.height, bool)
        near[found[side].to_numpy()] = _touching(found.filter(side), found.filter(other), by)
        masks.append(near)
    return masks[0], masks[1]


def touched(found: pl.DataFrame, side: str) -> pl.Series:
    """Of each span of items.matches that is on one side (`true` or `predicted`): does it overlap one of the other, whatever
    its label."""
    other = "predicted" if side == "true" else "true"
    return pl.Series(_touching(found.filter(side), found.filter(other), ["row"]))


def _touching(spans: pl.DataFrame, others: pl.DataFrame, by: Sequence[str]) -> np.ndarray:
    """Which of the spans overlap one of the others that agrees with it in the columns `by`.

    Of the others that begin before a span's end the one that ends last decides: it must end after the span's start.
    """
    reach = (
        others.sort(*by, "start", "end")
        .select(*by, begins="start", reaches=pl.col("end").cum_max().over(by))
        .sort("begins", maintain_order=True)
    )
    near = (
        spans.with_row_index("span")
        .sort("end")
        .join_asof(
            reach,
            left_on="end",
            right_on="begins",
            by=list(by),
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter(pl.col("reaches") > pl.col("start"))["span"]
    )
    found = np.zeros(spans.height, bool)
    found[near.to_numpy()] = True
    return found
