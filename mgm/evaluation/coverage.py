"""Coverage against accuracy: the share and the accuracy of the predictions at or above a confidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import GroupBootstrap, interval_entry
from mgm.evaluation.confidence import ScoredPredictions
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.sufficient_statistics import Statistics, ratio, rounded, sparse_counts
from mgm.tasks import Task

NUM_POINTS = 40
"""The number of points of the curve."""


def coverage(
    rows: pl.DataFrame, task: Task, *, thresholds: Sequence[float], bootstrap: GroupBootstrap
) -> dict[str, Any] | None:
    """Return how coverage and accuracy change with the threshold of the score.

    Args:
        rows: labelled predictions with a column corpus.
        task: the task, with its label space.
        thresholds: the thresholds of the score.
        bootstrap: the resamples of the groups of `rows`.

    Returns:
        n: predictions; thresholds: threshold, n, coverage (the share of predictions with at least this score) and their
        accuracy with its interval; curve: (coverage, accuracy) from the highest score on. None without scores or predictions.
    """
    predictions = evaluation_of(task).scored_predictions(rows, task)
    if predictions is None or not len(predictions.row):
        return None
    thresholds = [0.0, *thresholds]
    statistics = accuracy_statistics(predictions, thresholds, num_documents=rows.height)
    value = statistics.score()
    resampled = bootstrap.metrics(statistics, rows.select("corpus", "group"))
    table = []
    for i, threshold in enumerate(thresholds):
        n = int((predictions.score >= threshold).sum())
        entry = {
            "threshold": threshold,
            "n": n,
            "coverage": rounded(n / len(predictions.row)),
            "accuracy": rounded(value[str(i)]),
        }
        table.append(entry | interval_entry(resampled[str(i)]))
    return {"n": len(predictions.row), "thresholds": table, "curve": _curve(predictions)}


def accuracy_statistics(
    predictions: ScoredPredictions, thresholds: Sequence[float], *, num_documents: int
) -> Statistics:
    """Return the statistics of the accuracy above each threshold, by the threshold's number."""
    kept = [predictions.score >= threshold for threshold in thresholds]
    cells = [(predictions.row[mask], np.full(int(mask.sum()), 2 * i)) for i, mask in enumerate(kept)]
    for i, mask in enumerate(kept):
        correct = mask & predictions.is_correct
        cells.append((predictions.row[correct], np.full(int(correct.sum()), 2 * i + 1)))
    documents = sparse_counts(
        np.concatenate([row for row, _ in cells]),
        np.concatenate([column for _, column in cells]),
        shape=(num_documents, 2 * len(thresholds)),
    )
    return Statistics(
        documents=documents,
        metrics=lambda s: {str(i): ratio(s[:, 2 * i + 1], s[:, 2 * i]) for i in range(len(thresholds))},
    )


def _curve(predictions: ScoredPredictions) -> list[tuple[float | None, float | None]]:
    """Return about `NUM_POINTS` points between two distinct scores, so that equal scores stay together."""
    score = predictions.score
    order = np.argsort(-score, kind="stable")
    hits, n = np.cumsum(predictions.is_correct[order]), np.arange(1, len(score) + 1)
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    wanted = np.searchsorted(ends, np.linspace(0, len(score) - 1, NUM_POINTS))
    points = ends[np.unique(np.minimum(wanted, len(ends) - 1))]
    return [(rounded(n[p] / len(score)), rounded(hits[p] / n[p])) for p in points]
