"""From the results of single trainings to means, what they should reach, gains, and a table.

A result holds `tasks`: task to metric to value, of one seed.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from mgm.tasks import TASK_KINDS, Task

Results = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Model to seed to task to metric to value."""
SeedResults = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Those of one model: seed to task to metric to value."""
Summary = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Model to task to metric to mean, sd (of a sample; null for one value) and values."""


PRETRAINED = ("e5", "minilm", "minilm-joint")
"""Peers that read more than the corpus; `peers` are those that do not."""


def summarise(results: Results) -> Summary:
    """Means and standard deviations over the seeds."""
    summary: Summary = {}
    for model, seeds in results.items():
        values: dict[str, dict[str, list[float]]] = {}
        for tasks in seeds.values():
            for task, metrics in tasks.items():
                for name, value in metrics.items():
                    values.setdefault(task, {}).setdefault(name, []).append(value)
        summary[model] = {
            task: {name: _spread(found) for name, found in metrics.items()}
            for task, metrics in values.items()
        }
    return summary


def target(summary: Summary, wanted: Any, task: str, metric: str) -> float | None:
    """The value to reach: a number, or what `{above: peers | linear, by: x}` gives; None where none was measured.

    Raises:
        ValueError: neither of them.
    """
    if isinstance(wanted, int | float):
        return float(wanted)
    if (
        not isinstance(wanted, dict)
        or set(wanted) != {"above", "by"}
        or wanted["above"] not in ("peers", "linear")
    ):
        raise ValueError(
            f"reach.{task}.{metric}: found {wanted!r}, expected a number or {{above: peers | linear, by: number}}"
        )
    measured = [
        tasks[task][metric]["mean"]
        for model, tasks in summary.items()
        if not model.startswith("mgm-")
        and model not in PRETRAINED
        and wanted["above"] in ("peers", model)
        and metric in tasks.get(task, {})
    ]
    return round(max(measured) + wanted["by"], 6) if measured else None


def reached(summary: Summary, reach: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Task to metric to the value to reach and, of each model of mgm, its mean and whether it reaches it."""
    found: dict[str, Any] = {}
    for task, metrics in reach.items():
        for metric, wanted in metrics.items():
            value = target(summary, wanted, task, metric)
            ours = {
                model: {"mean": tasks[task][metric]["mean"], "met": tasks[task][metric]["mean"] >= value}
                for model, tasks in summary.items()
                if model.startswith("mgm-") and value is not None and metric in tasks.get(task, {})
            }
            if ours:
                found.setdefault(task, {})[metric] = {"reach": value, **ours}
    return found


def gains(results: Results, tasks: Sequence[Task], wanted: Mapping[str, float]) -> dict[str, Any]:
    """Of every preset with a joint and a single-task training what `differences` says of the two, and whether that is
    what is wanted."""
    found = {}
    for model in [m for m in results if f"{m}-single" in results]:
        gain = differences(results[model], results[f"{model}-single"], tasks)
        if gain["tasks"]:
            mean = gain["mean"]
            least = min(task["mean"] for task in gain["tasks"].values())
            met = mean >= wanted["mean"] and least >= wanted.get("task", least)
            found[model] = gain | {"wanted": dict(wanted), "met": met}
    return found


def differences(model: SeedResults, base: SeedResults, tasks: Sequence[Task]) -> dict[str, Any]:
    """(model - base) / base of each task's first metric, seed by seed; `mean` over the tasks, null without one."""
    by_task: dict[str, dict[str, Any]] = {}
    for task in tasks:
        metric = TASK_KINDS[task.kind].first_metric
        pairs = [
            (own[task.name][metric], base[seed][task.name][metric])
            for seed, own in model.items()
            if task.name in own and task.name in base.get(seed, {})
        ]
        values = [(own - other) / other for own, other in pairs if other]
        if values:
            by_task[task.name] = {"metric": metric, **_spread(values)}
    means = [task["mean"] for task in by_task.values()]
    return {"tasks": by_task, "mean": round(statistics.mean(means), 6) if means else None}


def table(summary: Summary, reach: Mapping[str, Mapping[str, Any]]) -> str:
    """The means as Markdown: a line a task and metric, a column a model, what to reach and who does."""
    models = list(summary)
    lines = [
        f"| task | metric | {' | '.join(models)} | reach | met by |",
        "| --- " * (len(models) + 4) + "|",
    ]
    names = {
        (task, metric): None
        for tasks in summary.values()
        for task, metrics in sorted(tasks.items())
        for metric in metrics
    }
    for task, metric in names:
        cells = [_cell(summary[model].get(task, {}).get(metric)) for model in models]
        goal = reach.get(task, {}).get(metric)
        if goal is None:
            cells += ["", ""]
        else:
            met = [m for m, ours in goal.items() if m != "reach" and ours["met"]]
            cells += [f"{goal['reach']:.3f}", ", ".join(met) or "none"]
        lines.append(f"| {task} | {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "mean": round(statistics.mean(values), 6),
        "sd": round(statistics.stdev(values), 6) if len(values) > 1 else None,
        "values": [round(value, 6) for value in values],
    }


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{found['mean']:.3f}" + ("" if found["sd"] is None else f" ± {found['sd']:.3f}")
