"""Predictions frames: one row a document with predictions and labels.

The columns are doc_id, group, lang, split, words, unknown, then of each task the prediction, its scores and probabilities, and
the label (null: not labelled), as mgm/tasks/columns.py names them.
"""

from collections.abc import Sequence

import polars as pl

from mgm.evaluation.kinds import evaluation_of
from mgm.tasks import Task

KEYS = ("doc_id", "group", "lang", "split")
TRAITS = {"words": pl.Int32(), "unknown": pl.Float32()}
"""Traits that slices are cut by: the number of words that the model read, and the share of them outside the vocabulary (0 without words)."""


def columns_read(task: Task, available: Sequence[str]) -> list[str]:
    """Return those of the available columns that metrics, slices, calibration and errors of a task read."""
    columns = (*KEYS, *TRAITS, *evaluation_of(task).prediction_columns(task))
    return [name for name in columns if name in available]


def select_labelled(frame: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Return the rows that are labelled for a task.

    Raises:
        ValueError: a labelled row has no prediction, or one that is not a finite number.
    """
    rows = frame.filter(pl.col(task.columns.label).is_not_null())
    bad = rows.filter(evaluation_of(task).lacks_prediction(task))
    if bad.height:
        raise ValueError(
            f"predictions, column {task.columns.prediction}, doc_id {bad['doc_id'][0]!r}: found {bad[task.columns.prediction][0]!r}, "
            f"expected a {task.kind} prediction for every labelled row ({bad.height} rows lack one)"
        )
    return rows
