"""Coverage against accuracy: what is left, and how right it is, where answers below a confidence are set aside."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import Draws, bounds
from mgm.evaluation.confidences import said_answers
from mgm.evaluation.numbers import rounded
from mgm.evaluation.sufficient_statistics import Statistics, counts, ratio
from mgm.tasks import Task

POINTS = 40
"""Of the curve."""


def coverage(
    rows: pl.DataFrame, task: Task, thresholds: Sequence[float], draws: Draws
) -> dict[str, Any] | None:
    """n answers (a class, each label of a set, each span that was said); thresholds: threshold, n, coverage (the share of
    answers at least so sure) and their accuracy with its interval; curve: (coverage, accuracy) from the surest on.

    rows: labelled. None where there are no scores or nothing was said.
    """
    found = said_answers(rows, task)
    if found is None or not len(found[0]):
        return None
    row, score, right = found
    every = [0.0, *thresholds]
    kept = [score >= threshold for threshold in every]
    at = [(row[k], np.full(int(k.sum()), 2 * i)) for i, k in enumerate(kept)]
    at += [(row[k & right], np.full(int((k & right).sum()), 2 * i + 1)) for i, k in enumerate(kept)]
    documents = counts(
        np.concatenate([r for r, _ in at]),
        np.concatenate([c for _, c in at]),
        (rows.height, 2 * len(every)),
    )
    statistics = Statistics(
        documents, lambda s: {str(i): ratio(s[:, 2 * i + 1], s[:, 2 * i]) for i in range(len(every))}
    )
    value, drawn = statistics.score(), draws.metrics(statistics, rows.select("corpus", "group"))
    table = []
    for i, threshold in enumerate(every):
        n = int(kept[i].sum())
        low, high = bounds(drawn[str(i)])
        table.append(
            {
                "threshold": threshold,
                "n": n,
                "coverage": rounded(n / len(row)),
                "accuracy": rounded(value[str(i)]),
                "low": rounded(low),
                "high": rounded(high),
            }
        )
    return {"n": len(row), "thresholds": table, "curve": _curve(score, right)}


def _curve(score: np.ndarray, right: np.ndarray) -> list[tuple[float | None, float | None]]:
    """At about POINTS places between two distinct scores, so that equal scores stay together."""
    order = np.argsort(-score, kind="stable")
    hits, n = np.cumsum(right[order]), np.arange(1, len(score) + 1)
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    wanted = np.searchsorted(ends, np.linspace(0, len(score) - 1, POINTS))
    places = ends[np.unique(np.minimum(wanted, len(ends) - 1))]
    return [(rounded(n[p] / len(score)), rounded(hits[p] / n[p])) for p in places]
