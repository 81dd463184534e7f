"""A task's entry of reports/metrics.json, and its one-line summary."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from mgm.evaluation.bootstrap import confidence_intervals
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.sufficient_statistics import rounded
from mgm.tasks import TASK_KINDS, Task

SPLIT = "test"
"""The split that metrics are measured on."""
_NO_INTERVAL = (math.nan, math.nan)


def summarize(
    frame: pl.DataFrame, train_labels: pl.Series, *, task: Task, resamples: int, seed: int
) -> dict[str, Any]:
    """Return a task's entry of reports/metrics.json.

    Args:
        frame: the predictions of one split.
        train_labels: training's labels, of which the baseline is made.
        task: the task, with its label space.
        resamples: the number of resamples of the intervals.
        seed: the seed of the resamples.

    Returns:
        corpora, kind, n (labelled documents), groups, unseen_labels, every metric, low and high of the first metric, baseline
        (the first metric of the best baseline), against (its name), baselines (all metrics of each, where there are
        several), and table: each metric with its interval and the best baseline's value. A missing value is null.
    """
    rows = select_labelled(frame, task)
    values, intervals = _measure(rows, task, resamples=resamples, seed=seed)
    evaluation = evaluation_of(task)
    baselines = {
        name: _measure(baseline_rows, task, resamples=0, seed=seed)[0]
        for name, baseline_rows in evaluation.predict_baselines(rows, train_labels, task=task).items()
    }
    against = max(baselines, key=lambda name: _orderable(baselines[name][task.first_metric]))
    baseline = baselines[against]
    table = []
    for name, value in values.items():
        low, high = intervals.get(name, _NO_INTERVAL)
        entry = {"metric": name, "value": rounded(value), "low": rounded(low), "high": rounded(high)}
        table.append(entry | {"majority": rounded(baseline[name])})
    low, high = intervals.get(task.first_metric, _NO_INTERVAL)
    return {
        "corpora": task.corpora,
        "kind": task.kind,
        "n": rows.height,
        "groups": rows["group"].n_unique(),
        "unseen_labels": evaluation.num_unseen_labels(rows, task),
        **{name: rounded(value) for name, value in values.items()},
        "low": rounded(low),
        "high": rounded(high),
        "baseline": rounded(baseline[task.first_metric]),
        "against": against,
        "table": table,
    } | ({"baselines": _rounded(baselines)} if len(baselines) > 1 else {})


def fits_entry(bundle: Sequence[str], measured: Sequence[str]) -> dict[str, list[str]]:
    """Return the entry `fits` of a task in reports/metrics.json, where the bundle was fitted again after all was tuned.

    Args:
        bundle: the splits that the bundle was fitted on.
        measured: those of the fit that the metrics are of.
    """
    return {"bundle": list(bundle), "measured": list(measured)}


def fits_note(metrics: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return which fit the numbers of a run are of, as a sentence; None where the bundle has one fit, on train.

    Args:
        metrics: the content of reports/metrics.json.
    """
    fits = next((entry["fits"] for entry in metrics.values() if "fits" in entry), None)
    if fits is None:
        return None
    *others, last = fits["bundle"]
    splits = f"{', '.join(others)} and {last}"
    if fits["bundle"] == fits["measured"]:
        return (
            f"The bundle was fitted again on {splits}: test metrics are of this fit, thresholds, calibration and explanations of the "
            "fit before it, on train alone."
        )
    return (
        f"The bundle was fitted again on {splits}: every number is of the fit before it, on train alone, since no document is left "
        "that the bundle itself could be measured on."
    )


def summary_lines(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line a task: task, metric, value, interval, baseline, linear model, documents; then which fit they are of."""
    width = max((len(task) for task in metrics), default=0)
    lines = []
    for task, entry in sorted(metrics.items()):
        name = TASK_KINDS[entry["kind"]].first_metric
        interval = (
            f"[{entry['low']:.3f}, {entry['high']:.3f}]" if entry["low"] is not None else "[no interval]"
        )
        linear = entry.get("linear", {}).get("value")
        n_grams = "" if linear is None else f"n-grams alone {linear:.3f}  "
        lines.append(
            f"{task:<{width}}  {name:<9} {_in_words(entry[name])} {interval}  "
            f"{entry.get('against', 'majority')} {_in_words(entry['baseline'])}  {n_grams}n {entry['n']}"
        )
    note = fits_note(metrics)
    return lines if note is None else [*lines, note]


def _measure(
    rows: pl.DataFrame, task: Task, *, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return every metric, and its interval."""
    values: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    evaluation = evaluation_of(task)
    for statistics in (evaluation.statistics(rows, task), evaluation.ranking_statistics(rows, task)):
        if statistics is not None:
            values |= statistics.score()
            intervals |= confidence_intervals(
                statistics, rows["group"], resamples=resamples, seed=seed, stream=task.name
            )
    return values, intervals


def _orderable(value: float) -> float:
    """Return the value as one that can be compared; what is not a number comes last."""
    return -math.inf if math.isnan(value) else value


def _rounded(baselines: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        name: {metric: rounded(value) for metric, value in values.items()}
        for name, values in baselines.items()
    }


def _in_words(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
