"""A task's metrics from its predictions.

A predictions frame has one row a document: doc_id, group, lang, words, unknown, `<task>`, its scores and probabilities, and
`<task>_true` (null: not labelled, left out).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.evaluation.generation_metrics import BASELINES, baseline_column, text_statistics
from mgm.evaluation.items import KINDS, items, matches
from mgm.evaluation.ranking import rankings
from mgm.evaluation.regression import regression_statistics
from mgm.evaluation.sufficient_statistics import Statistics
from mgm.tasks import Task

KEYS = ("doc_id", "group", "lang", "split")
TRAITS = {"words": pl.Int32(), "unknown": pl.Float32()}
"""What slices are cut by: how many words the model read, and the share of them outside the vocabulary (0 of none)."""


def columns_read(task: Task, available: Sequence[str]) -> list[str]:
    """The columns of a predictions table that metrics, slices, calibration and errors of a task read."""
    own = [task.name, f"{task.name}_score", f"{task.name}_probs", f"{task.name}_true"]
    own += [f"{task.name}_truncated", *(baseline_column(task, name) for name in BASELINES)]
    return [name for name in (*KEYS, *TRAITS, *own) if name in available]


def labelled(frame: pl.DataFrame, task: Task) -> pl.DataFrame:
    """The rows that are labelled for a task.

    Raises:
        ValueError: a labelled row has no prediction, or one that is not a finite number.
    """
    rows = frame.filter(pl.col(f"{task.name}_true").is_not_null())
    predicted = pl.col(task.name)
    missing = (
        predicted.is_null() if task.kind != "regression" else predicted.is_null() | ~predicted.is_finite()
    )
    bad = rows.filter(missing)
    if bad.height:
        raise ValueError(
            f"predictions, column {task.name}, doc_id {bad['doc_id'][0]!r}: found {bad[task.name][0]!r}, "
            f"expected a {task.kind} prediction for every labelled row ({bad.height} rows lack one)"
        )
    return rows


def statistics(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> Statistics:
    """A task's statistics over labelled rows; `labels` is the label space of training (empty for
    regression, not read for generation)."""
    if task.kind == "regression":
        return regression_statistics(rows, task)
    if task.kind == "generation":
        return text_statistics(rows, task)
    return items(rows, task, labels).statistics


def ranking_statistics(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> Statistics | None:
    """Average precision of a multilabel task; None for other kinds, and without probabilities.

    A label that training never saw has probability 0: it counts as missed.
    """
    if task.kind != "multilabel" or f"{task.name}_probs" not in rows.columns:
        return None
    probs, truth = probabilities(rows, task, len(labels)), truths(rows, task, labels)
    unseen = np.zeros((rows.height, truth.shape[1] - len(labels)))
    return rankings(np.concatenate([probs, unseen], axis=1), truth)


def probabilities(rows: pl.DataFrame, task: Task, count: int) -> np.ndarray:
    """(D, K) float64: `<task>_probs` over the `count` labels of training."""
    flat = rows[f"{task.name}_probs"].explode(empty_as_null=False).to_numpy()
    return flat.astype(np.float64).reshape(rows.height, count)


def truths(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> np.ndarray:
    """(D, K) bool: which labels each document has, those of training first, then those that training never saw."""
    true = matches(rows, task).filter("true")
    known = list(labels)
    unseen = true.filter(~pl.col("label").is_in(known))["label"].unique().sort().to_list()
    place = {label: number for number, label in enumerate([*known, *unseen])}
    found = np.zeros((rows.height, len(place)), bool)
    if true.height:
        column = true["label"].replace_strict(place, return_dtype=pl.Int64)
        found[true["row"].to_numpy(), column.to_numpy()] = True
    return found


def unseen_labels(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> int:
    """How many true labels (of documents, or of spans) training never saw; each counts as wrong."""
    if task.kind not in KINDS:
        return 0
    return matches(rows, task).filter("true").filter(~pl.col("label").is_in(list(labels))).height
