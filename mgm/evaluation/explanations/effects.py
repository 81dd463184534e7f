"""What masking a granularity changes: each task's first metric with the mask minus without, on the same documents and in
the same resamples."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mgm.evaluation.metrics import KEYS
from mgm.evaluation.paired_scores import JointScores
from mgm.evaluation.prediction_table import table_schema
from mgm.model.heads import Outcome
from mgm.model.predict import prediction_table
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task, with_label_spaces

Rows = dict[str, dict[str, list[pl.DataFrame]]]
"""Mask to task to its predictions with the true labels, one frame a part."""


def add_rows(
    rows: Rows,
    outcomes: Mapping[str, Mapping[str, Outcome]],
    documents: pl.DataFrame,
    corpus: str,
    tasks: Sequence[Task],
    labels: dict[str, list[str]],
    thresholds: Mapping[str, Thresholds],
) -> None:
    """Adds the predictions of one part, by mask and task, to `rows`."""
    for mask, found in outcomes.items():
        own = [task for task in tasks if task.name in found]
        said = prediction_table(found, documents, with_label_spaces(own, labels), thresholds).drop("doc_id")
        truth = documents.select(pl.lit(corpus).alias("corpus"), *KEYS)
        for task in own:
            names = [n for n in table_schema([task]).names() if n in said.columns]
            frame = truth.with_columns(*said.select(names), documents[task.name].alias(f"{task.name}_true"))
            rows.setdefault(mask, {}).setdefault(task.name, []).append(frame)


def effects(
    rows: Rows,
    tasks: Sequence[Task],
    labels: Mapping[str, Sequence[str]],
    resamples: int,
    seed: int,
    nothing: str = "",
) -> dict[str, dict[str, Any]]:
    """Task to {metric, value, n, masks}: `masks` by name the change {change, low, high, shown} of the metric.

    `nothing`: the mask that masks nothing. A task without a labelled document has value null and no masks.
    """
    if not tasks:
        return {}
    whole = {task.name: pl.concat(rows[nothing][task.name]) for task in tasks}
    scores = JointScores(whole, labels, resamples, seed)
    found = {}
    for task in tasks:
        known = scores.of(task)
        masks = {}
        if known.defined:
            for mask, by_task in rows.items():
                if mask != nothing and task.name in by_task:
                    masked = scores.other(pl.concat(by_task[task.name]), task, f"the model without {mask}")
                    masks[mask] = masked.less(known).entry("change")
        n = whole[task.name][f"{task.name}_true"].count()
        found[task.name] = {"metric": task.first_metric, "value": known.rounded, "n": n, "masks": masks}
    return found
