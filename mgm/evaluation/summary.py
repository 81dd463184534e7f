"""reports/metrics.json: a task's entry, and its one-line summary."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mgm.evaluation.baselines import predict_majority
from mgm.evaluation.metrics import labelled, statistics, unseen_labels
from mgm.evaluation.significance import intervals
from mgm.tasks import FIRST_METRIC, Task

DECIMALS = 4
SPLIT = "test"
"""The split that metrics are told of."""


def summarise(
    frame: pl.DataFrame, train: pl.Series, task: Task, labels: Sequence[str], resamples: int, seed: int
) -> dict[str, Any]:
    """A task's entry of reports/metrics.json.

    frame: the predictions of one split (metrics.py); train: the training labels; labels: training's label
    space. Scalars: corpora, kind, n (labelled documents), groups, unseen_labels, every metric, low and
    high of the first metric, baseline (the majority's first metric). `table`: each metric with its
    interval and the majority's value. `slices`: the first metric by language, where there are
    several. No value: null.
    """
    rows = labelled(frame, task)
    found = statistics(rows, task, labels)
    values = found.score()
    bounds = intervals(found, rows["group"], resamples, seed, task.name)
    constant = statistics(predict_majority(rows, train, task), task, labels).score()
    low, high = bounds.get(task.first_metric, (math.nan, math.nan))
    entry: dict[str, Any] = {
        "corpora": task.corpora,
        "kind": task.kind,
        "n": rows.height,
        "groups": rows["group"].n_unique(),
        "unseen_labels": unseen_labels(rows, task, labels),
        **{name: _round(value) for name, value in values.items()},
        "low": _round(low),
        "high": _round(high),
        "baseline": _round(constant[task.first_metric]),
        "table": [
            {
                "metric": name,
                "value": _round(value),
                "low": _round(bounds.get(name, (math.nan, math.nan))[0]),
                "high": _round(bounds.get(name, (math.nan, math.nan))[1]),
                "majority": _round(constant[name]),
            }
            for name, value in values.items()
        ],
    }
    languages = rows["lang"].unique().sort().to_list()
    if len(languages) > 1:
        entry["slices"] = {"lang": {x: _slice(rows, x, task, labels, resamples, seed) for x in languages}}
    return entry


def summary_lines(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line a task: task, metric, value, interval, majority baseline, documents."""
    width = max((len(task) for task in metrics), default=0)
    lines = []
    for task, entry in sorted(metrics.items()):
        name = FIRST_METRIC[entry["kind"]]
        interval = (
            f"[{entry['low']:.3f}, {entry['high']:.3f}]" if entry["low"] is not None else "[no interval]"
        )
        lines.append(
            f"{task:<{width}}  {name:<9} {_show(entry[name])} {interval}  "
            f"majority {_show(entry['baseline'])}  n {entry['n']}"
        )
    return lines


def _slice(
    rows: pl.DataFrame, language: str, task: Task, labels: Sequence[str], resamples: int, seed: int
) -> dict[str, Any]:
    part = rows.filter(pl.col("lang") == language)
    found = statistics(part, task, labels)
    low, high = intervals(found, part["group"], resamples, seed, f"{task.name} lang={language}").get(
        task.first_metric, (math.nan, math.nan)
    )
    first = task.first_metric
    return {"n": part.height, first: _round(found.score()[first]), "low": _round(low), "high": _round(high)}


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DECIMALS)


def _show(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
