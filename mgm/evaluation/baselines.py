"""The majority baseline: the best constant answer that training's labels allow, blind to the text. Of texts, which have no
majority, what can be copied: the first sentence, or the whole document."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mgm.evaluation.generation_metrics import BASELINES, baseline_column, text_statistics
from mgm.tasks import Task


def majority(train: pl.Series, task: Task) -> str | float | list[str] | list[dict[str, object]]:
    """The constant prediction of a task (not of a generation task) from its training labels (nulls are ignored).

    classification: the most frequent class (ties: first by name); multilabel: the constant set with the
    best micro-F1 on training; regression: the mean; tagging: no span.

    Raises:
        ValueError: no training row is labelled for the task.
    """
    if task.kind == "tagging":
        return []
    known = train.drop_nulls()
    if not len(known):
        raise ValueError(
            f"task {task.name}: no training row is labelled, so there is no majority to compare with"
        )
    if task.kind == "regression":
        return float(known.cast(pl.Float64).to_numpy().mean())
    if task.kind == "classification":
        return str(_frequencies(known)["label"][0])
    if task.kind == "multilabel":
        counts = _frequencies(known.explode().drop_nulls())
        if not counts.height:
            return []
        hits = counts["count"].to_numpy().cumsum()
        # micro-F1 of the k most frequent labels said of every document: 2 tp / (predicted + true)
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) * len(known) + hits[-1])
        return sorted(counts["label"].to_list()[: int(f1.argmax()) + 1])
    raise ValueError(f"task {task.name}: no majority baseline for tasks of kind {task.kind}")


def predict_majority(
    rows: pl.DataFrame, train: pl.Series, task: Task, labels: Sequence[str] = ()
) -> pl.DataFrame:
    """`rows` with the task's predictions replaced by the majority answer; a multilabel task's probabilities by the share
    of training that has each of `labels`."""
    constant = [pl.Series(task.name, [majority(train, task)], dtype=task.column_type)]
    if task.kind == "multilabel":
        known = train.drop_nulls()
        often = dict(_frequencies(known.explode().drop_nulls()).iter_rows())
        shares = [often.get(label, 0) / max(len(known), 1) for label in labels]
        constant.append(pl.Series(f"{task.name}_probs", [shares], dtype=pl.List(pl.Float32)))
    return rows.with_columns(column.new_from_index(0, rows.height) for column in constant)


def predict_baseline(
    rows: pl.DataFrame, train: pl.Series, task: Task, labels: Sequence[str] = ()
) -> tuple[str, pl.DataFrame]:
    """The baseline's name, and `rows` with its predictions: the majority; of a generation task the better one of BASELINES by
    the task's first metric, the earlier at a tie."""
    if task.kind != "generation":
        return "majority", predict_majority(rows, train, task, labels)
    copied = {
        name: rows.with_columns(pl.col(baseline_column(task, name)).alias(task.name)) for name in BASELINES
    }
    scores = {name: text_statistics(found, task).score()[task.first_metric] for name, found in copied.items()}
    best = max(BASELINES, key=lambda name: np.nan_to_num(scores[name]))
    return best, copied[best]


def _frequencies(labels: pl.Series) -> pl.DataFrame:
    return (
        labels.alias("label")
        .to_frame()
        .group_by("label")
        .agg(count=pl.len())
        .sort(["count", "label"], descending=[True, False])
    )
