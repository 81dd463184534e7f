"""The report's table of all tasks: first metric, interval, majority, single-task model."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import Sources
from mgm.experiments.study import Trained, trained
from mgm.experiments.variants import SINGLE, variants
from mgm.report.plots import interval_plot
from mgm.report.task_details import task_details
from mgm.tasks import Task


@dataclass(frozen=True)
class TaskRow:
    """A task's row. entry: of reports/metrics.json, None where there is none."""

    task: Task
    entry: dict[str, Any] | None
    single: Trained
    plot: Markup


@dataclass(frozen=True)
class TasksPage:
    """idle: tasks of the enabled corpora that are not trained; below: task and slice of those that are significantly below
    average."""

    views: list[TaskRow]
    idle: list[str]
    below: list[tuple[str, dict[str, Any]]]


def tasks_page(sources: Sources) -> TasksPage:
    """Reads reports/metrics.json, reports/evaluation and the study's results."""
    metrics = sources.json("reports", "metrics.json") or {}
    rows = [_row(sources, task, metrics.get(task.name)) for task in sources.settings.active_tasks()]
    every = reduce(add, [sources.settings.tasks_for(corpus) for corpus in sources.settings.enabled])
    below = [
        (row.task.name, entry)
        for row in rows
        for entry in task_details(sources, row.task, "slices") or []
        if entry["below"]
    ]
    return TasksPage(rows, sorted({task.name for task in every} - {row.task.name for row in rows}), below)


def _row(sources: Sources, task: Task, entry: dict[str, Any] | None) -> TaskRow:
    single = trained(sources, variants(sources.settings)[f"{SINGLE}/{task.name}"])
    shown = single.value(task) if single.state == "current" else None
    plot = Markup("")
    if entry is not None:
        plot = interval_plot(entry[task.first_metric], entry["low"], entry["high"], entry["baseline"], shown)
    return TaskRow(task, entry, single, plot)
