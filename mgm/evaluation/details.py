"""reports/evaluation/<task>.json: all that a report says of a task beyond its metrics, made of saved predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import Draws, bounds
from mgm.evaluation.calibration import calibration
from mgm.evaluation.confusions import confusions
from mgm.evaluation.coverage import coverage
from mgm.evaluation.items import KINDS, items, overlap_metrics, per_label
from mgm.evaluation.metrics import labelled
from mgm.evaluation.numbers import rounded
from mgm.evaluation.slices import flag, slices
from mgm.evaluation.sufficient_statistics import Statistics
from mgm.settings.evaluation import EvaluateSettings
from mgm.tasks import Task


def details(
    test: Mapping[str, pl.DataFrame],
    valid: Mapping[str, pl.DataFrame],
    train: Mapping[str, pl.Series],
    tasks: Sequence[Task],
    labels: Mapping[str, Sequence[str]],
    settings: EvaluateSettings,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Task to labels (label_rows), slices, calibration, coverage and confusions; null where a kind of task has none. written: null, and for
    generation tasks what written.examples gives, which needs the network.

    test, valid: task to its rows of predictions with a column corpus, labelled or not; train: task to training's labels.
    Slices are flagged over all tasks together.
    """
    found: dict[str, dict[str, Any]] = {}
    for task in tasks:
        rows, known = labelled(test[task.name], task), labels.get(task.name, [])
        groups = {str(corpus): part["group"] for (corpus,), part in rows.group_by("corpus")}
        draws = Draws(groups, settings.bootstrap, seed)
        tuned = labelled(valid[task.name], task)
        found[task.name] = {
            "labels": label_rows(rows, task, known, draws),
            "slices": slices(rows, train[task.name], task, known, draws, settings.min_slice_groups),
            "calibration": calibration(rows, tuned, task, known, settings.calibration_bins, draws),
            "coverage": coverage(rows, task, settings.confidences, draws),
            "confusions": confusions(rows, task, known),
            "written": None,
        }
    flag({name: content["slices"] for name, content in found.items()})
    return found


def label_rows(
    rows: pl.DataFrame, task: Task, labels: Sequence[str], draws: Draws
) -> list[dict[str, Any]] | None:
    """The table items.per_label with low and high of f1, for tagging also overlap_low and overlap_high of overlap_f1; None
    for regression."""
    if task.kind not in KINDS:
        return None
    found, tagging = items(rows, task, labels), task.kind == "tagging"

    def metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
        counted = found.counted(sums)
        values = {f"f1 {k}": f1 for k, f1 in enumerate(counted.f1.T)}
        if tagging:
            near = overlap_metrics(*found.overlapping(sums), counted)["overlap_f1"]
            values |= {f"overlap {k}": f1 for k, f1 in enumerate(near.T)}
        return values

    drawn = draws.metrics(Statistics(found.statistics.documents, metrics), rows.select("corpus", "group"))
    table = []
    for k, row in enumerate(per_label(rows, task, labels).to_dicts()):
        entry = {key: rounded(value) if isinstance(value, float) else value for key, value in row.items()}
        entry["low"], entry["high"] = _bounds(drawn[f"f1 {k}"])
        if tagging:
            entry["overlap_low"], entry["overlap_high"] = _bounds(drawn[f"overlap {k}"])
        table.append(entry)
    return table


def _bounds(drawn: np.ndarray) -> tuple[float | None, float | None]:
    low, high = bounds(drawn)
    return rounded(low), rounded(high)
