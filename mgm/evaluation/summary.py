"""reports/metrics.json: a task's entry, and its one-line summary."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mgm.evaluation.baselines import predict_baseline
from mgm.evaluation.bootstrap import intervals
from mgm.evaluation.metrics import labelled, ranking_statistics, statistics, unseen_labels
from mgm.evaluation.numbers import rounded
from mgm.tasks import TASK_KINDS, Task

NOWHERE = (math.nan, math.nan)
SPLIT = "test"
"""The split that metrics are told of."""


def summarise(
    frame: pl.DataFrame, train: pl.Series, task: Task, labels: Sequence[str], resamples: int, seed: int
) -> dict[str, Any]:
    """A task's entry of reports/metrics.json.

    frame: the predictions of one split (metrics.py); train: the training labels; labels: training's label
    space. Scalars: corpora, kind, n (labelled documents), groups, unseen_labels, every metric, low and
    high of the first metric, baseline (the majority's first metric; of generation tasks that of the first sentence or of the
    document, `against` says which). `table`: each metric with its interval and the baseline's value. No value: null.
    """
    rows = labelled(frame, task)
    values, bounds = _measured(rows, task, labels, resamples, seed)
    against, constant = _constant(rows, train, task, labels)
    table = [
        {
            "metric": name,
            "value": rounded(value),
            "low": rounded(bounds.get(name, NOWHERE)[0]),
            "high": rounded(bounds.get(name, NOWHERE)[1]),
            "majority": rounded(constant[name]),
        }
        for name, value in values.items()
    ]
    low, high = bounds.get(task.first_metric, NOWHERE)
    return {
        "corpora": task.corpora,
        "kind": task.kind,
        "n": rows.height,
        "groups": rows["group"].n_unique(),
        "unseen_labels": unseen_labels(rows, task, labels),
        **{name: rounded(value) for name, value in values.items()},
        "low": rounded(low),
        "high": rounded(high),
        "baseline": rounded(constant[task.first_metric]),
        "against": against,
        "table": table,
    }


def summary_lines(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line a task: task, metric, value, interval, majority baseline, documents."""
    width = max((len(task) for task in metrics), default=0)
    lines = []
    for task, entry in sorted(metrics.items()):
        name = TASK_KINDS[entry["kind"]].first_metric
        interval = (
            f"[{entry['low']:.3f}, {entry['high']:.3f}]" if entry["low"] is not None else "[no interval]"
        )
        lines.append(
            f"{task:<{width}}  {name:<9} {_show(entry[name])} {interval}  "
            f"{entry.get('against', 'majority')} {_show(entry['baseline'])}  n {entry['n']}"
        )
    return lines


def _measured(
    rows: pl.DataFrame, task: Task, labels: Sequence[str], resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Every metric and its interval."""
    values: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    for found in (statistics(rows, task, labels), ranking_statistics(rows, task, labels)):
        if found is not None:
            values |= found.score()
            bounds |= intervals(found, rows["group"], resamples, seed, task.name)
    return values, bounds


def _constant(
    rows: pl.DataFrame, train: pl.Series, task: Task, labels: Sequence[str]
) -> tuple[str, dict[str, float]]:
    """The baseline's name and metrics."""
    name, constant = predict_baseline(rows, train, task, labels)
    ranked = ranking_statistics(constant, task, labels)
    return name, statistics(constant, task, labels).score() | ({} if ranked is None else ranked.score())


def _show(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
