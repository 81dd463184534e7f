"""A task's metrics with their intervals, beside the majority's."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.metrics import labelled
from mgm.evaluation.sources import Sources
from mgm.evaluation.summary import SPLIT
from mgm.tasks import Task


@dataclass(frozen=True)
class MetricsPart:
    """entry: of reports/metrics.json, None where there is none; n: labelled rows of data/predictions, other than the
    entry's where the two files are of different runs, None where there are none."""

    entry: dict[str, Any] | None
    n: int | None


def task_metrics(sources: Sources, task: Task) -> MetricsPart:
    """Reads reports/metrics.json and data/predictions."""
    metrics = sources.json("reports", "metrics.json", expected=False) or {}
    predictions = sources.predictions(task, SPLIT)
    n = None if predictions is None else labelled(predictions, task).height
    return MetricsPart(metrics.get(task.name), n)
