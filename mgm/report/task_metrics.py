"""A task's metrics with their intervals, beside the majority's and the single-task model's."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.metrics import labelled
from mgm.evaluation.run_files import Sources
from mgm.evaluation.summary import SPLIT
from mgm.experiments.study import Trained, trained
from mgm.experiments.variants import SINGLE, variants
from mgm.tasks import Task


@dataclass(frozen=True)
class MetricsPart:
    """entry: of reports/metrics.json, None where there is none; n: labelled rows of data/predictions, other than the
    entry's where the two files are of different runs, None where there are none; single: the task trained alone."""

    entry: dict[str, Any] | None
    n: int | None
    single: Trained
    alone: dict[str, Any]
    """The single-task model's metrics; empty where it was not trained."""


def task_metrics(sources: Sources, task: Task) -> MetricsPart:
    """Reads reports/metrics.json, data/predictions and the study's result."""
    metrics = sources.json("reports", "metrics.json", expected=False) or {}
    predictions = sources.predictions(task, SPLIT)
    n = None if predictions is None else labelled(predictions, task).height
    single = trained(sources, variants(sources.settings)[f"{SINGLE}/{task.name}"])
    return MetricsPart(metrics.get(task.name), n, single, single.test.get(task.name, {}))
