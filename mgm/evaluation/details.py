"""The content of reports/evaluation/<task>.json: all that a report shows of a task beyond its metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.abstention import abstention
from mgm.evaluation.bootstrap import GroupBootstrap, interval_entry
from mgm.evaluation.calibration import calibration
from mgm.evaluation.confusions import confusions
from mgm.evaluation.coverage import coverage
from mgm.evaluation.kinds import ItemEvaluation, evaluation_of
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.slices import flag_worse_slices, slices
from mgm.evaluation.sufficient_statistics import Statistics, Sums, rounded
from mgm.model.calibration import Calibration
from mgm.settings.evaluation import EvaluateSettings
from mgm.tasks import Task


def details(  # noqa: PLR0913  (options by name, with defaults)
    tasks: Sequence[Task],
    *,
    test: Mapping[str, pl.DataFrame],
    valid: Mapping[str, pl.DataFrame],
    train_labels: Mapping[str, pl.Series],
    settings: EvaluateSettings,
    seed: int,
    calibrations: Mapping[str, Calibration] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the details of every task by its name.

    Args:
        tasks: the tasks, with their label spaces.
        test: predictions on the test split by task, labelled or not, with a column corpus.
        valid: predictions on the validation split by task.
        train_labels: training's labels by task.
        settings: the section `evaluate`.
        seed: the seed of the resamples.
        calibrations: what the bundle has of the scores, by task; a temperature of other tasks is fitted on `valid`.

    Returns:
        By task: labels (`label_rows`), slices, calibration, coverage, abstention and confusions, each null where a kind has none, and
        generated: null, which the caller fills for kinds that generate text (generation_examples.py). Slices are flagged over
        all tasks together.
    """
    content: dict[str, dict[str, Any]] = {}
    for task in tasks:
        rows = select_labelled(test[task.name], task)
        groups = {str(corpus): part["group"] for (corpus,), part in rows.group_by("corpus")}
        bootstrap = GroupBootstrap(groups, resamples=settings.bootstrap, seed=seed)
        fitted = (calibrations or {}).get(task.name)
        content[task.name] = {
            "labels": label_rows(rows, task, bootstrap=bootstrap),
            "slices": slices(
                rows,
                train_labels[task.name],
                task=task,
                bootstrap=bootstrap,
                min_groups=settings.min_slice_groups,
            ),
            "calibration": calibration(
                rows,
                select_labelled(valid[task.name], task),
                task=task,
                fitted=fitted,
                bins=settings.calibration_bins,
                bootstrap=bootstrap,
            ),
            "coverage": coverage(rows, task, thresholds=settings.confidences, bootstrap=bootstrap),
            "abstention": abstention(
                rows, task, precisions=settings.precisions, fitted=fitted, bootstrap=bootstrap
            ),
            "confusions": confusions(rows, task),
            "generated": None,
        }
    flag_worse_slices([entry for of_task in content.values() for entry in of_task["slices"]])
    return content


def label_rows(rows: pl.DataFrame, task: Task, *, bootstrap: GroupBootstrap) -> list[dict[str, Any]] | None:
    """Return `ItemEvaluation.label_table` with intervals; None for kinds without items."""
    evaluation = evaluation_of(task)
    if not isinstance(evaluation, ItemEvaluation):
        return None
    items = evaluation.items(rows, task)

    def metrics(sums: Sums) -> dict[str, np.ndarray]:
        by_label = evaluation.metrics_by_label(items, sums)
        return {
            f"{name} {k}": values
            for name in evaluation.label_intervals
            for k, values in enumerate(by_label[name].T)
        }

    statistics = Statistics(documents=items.documents, metrics=metrics)
    resampled = bootstrap.metrics(statistics, rows.select("corpus", "group"))
    table = []
    for k, row in enumerate(evaluation.label_table(rows, task).to_dicts()):
        entry = {key: rounded(value) if isinstance(value, float) else value for key, value in row.items()}
        for name, prefix in evaluation.label_intervals.items():
            entry |= interval_entry(resampled[f"{name} {k}"], prefix)
        table.append(entry)
    return table
