"""Abstention: what is left of a task's predictions, and how precise it is, where a precision is asked for.

The score below which nothing is predicted was chosen on validation; the test split says what it is worth.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import GroupBootstrap, interval_entry
from mgm.evaluation.coverage import accuracy_statistics
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.sufficient_statistics import rounded
from mgm.model.calibration import Calibration
from mgm.tasks import Task


def abstention(
    rows: pl.DataFrame,
    task: Task,
    *,
    precisions: Sequence[float],
    fitted: Calibration | None,
    bootstrap: GroupBootstrap,
) -> list[dict[str, Any]] | None:
    """Return an entry for each precision.

    Args:
        rows: labelled predictions of the test split with a column corpus.
        task: the task, with its label space.
        precisions: what may be asked for.
        fitted: what validation says of the scores; None: nothing.
        bootstrap: the resamples of the groups of `rows`.

    Returns:
        precision: the one that is asked for; score, valid_precision, valid_coverage: the least score and what it gives on validation,
        null where the precision is not reached there; n, coverage, test_precision with its interval: what it gives on test. None
        where there is nothing to choose by.
    """
    predictions = evaluation_of(task).scored_predictions(rows, task)
    if fitted is None or predictions is None or not len(predictions.row):
        return None
    points = [fitted.point(precision) for precision in precisions]
    # a score is a float32 of four decimals
    scores = [np.inf if point is None else float(np.float32(point.score)) for point in points]
    statistics = accuracy_statistics(predictions, scores, num_documents=rows.height)
    value = statistics.score()
    resampled = bootstrap.metrics(statistics, rows.select("corpus", "group"))
    table = []
    for i, (precision, point) in enumerate(zip(precisions, points, strict=True)):
        entry: dict[str, Any] = {"precision": precision, "score": None}
        if point is not None:
            n = int((predictions.score >= scores[i]).sum())
            entry = entry | {
                "score": point.score,
                "valid_precision": rounded(point.precision),
                "valid_coverage": rounded(point.kept / fitted.predictions),
                "n": n,
                "coverage": rounded(n / len(predictions.row)),
                "test_precision": rounded(value[str(i)]),
            }
            entry |= interval_entry(resampled[str(i)])
        table.append(entry)
    return table
