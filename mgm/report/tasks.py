"""The report's table of all tasks, and the section of each task with its parts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import Sources
from mgm.experiments.study import VariantResult, read_result
from mgm.experiments.variants import SINGLE, variants
from mgm.report.examples import read_confusions, read_errors, read_generated
from mgm.report.explanations import read_task_explanations
from mgm.report.kinds import TASK_PRESENTATIONS, TaskPresentation
from mgm.report.plots import interval_plot
from mgm.report.results import read_calibration, read_details, read_labels, read_metrics, read_slices
from mgm.tasks import Task

PARTS: dict[str, Callable[[Sources, Task], Any]] = {
    "metrics": read_metrics,
    "labels": read_labels,
    "slices": read_slices,
    "calibration": read_calibration,
    "confusions": read_confusions,
    "explanations": read_task_explanations,
    "errors": read_errors,
    "generated": read_generated,
}
"""In the page's order: the template tasks/<name>.html.j2 shows the function's result as `part`; a part of None is left out."""


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """A task's row of the table. entry: of reports/metrics.json, None where there is none."""

    task: Task
    entry: dict[str, Any] | None
    single: VariantResult
    plot: Markup


@dataclass(frozen=True, kw_only=True)
class TaskTable:
    """The content of the section about all tasks.

    idle: tasks of the enabled corpora that are not trained. below: task name and slice of those that are significantly
    below average.
    """

    views: list[TaskRow]
    idle: list[str]
    below: list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """A task's section. parts: (name of the template, what it shows)."""

    task: Task
    presentation: TaskPresentation
    parts: list[tuple[str, Any]]


def read_tasks(sources: Sources) -> TaskTable:
    """Read reports/metrics.json, reports/evaluation and the study's results."""
    metrics = sources.json("reports", "metrics.json") or {}
    rows = [_row(sources, task, metrics.get(task.name)) for task in sources.settings.active_tasks()]
    enabled = reduce(add, [sources.settings.tasks_for(corpus) for corpus in sources.settings.enabled])
    return TaskTable(
        views=rows,
        idle=sorted({task.name for task in enabled} - {row.task.name for row in rows}),
        below=[
            (row.task.name, entry)
            for row in rows
            for entry in read_details(sources, row.task, "slices") or []
            if entry["below"]
        ],
    )


def read_each_task(sources: Sources) -> list[TaskView]:
    """Read all parts of every task."""
    return [_view(sources, task) for task in sources.settings.active_tasks()]


def _row(sources: Sources, task: Task, entry: dict[str, Any] | None) -> TaskRow:
    single = read_result(sources, variants(sources.settings)[f"{SINGLE}/{task.name}"])
    plot = Markup("")
    if entry is not None:
        plot = interval_plot(
            entry[task.first_metric],
            low=entry["low"],
            high=entry["high"],
            majority=entry["baseline"],
            single=single.value(task) if single.state == "current" else None,
        )
    return TaskRow(task=task, entry=entry, single=single, plot=plot)


def _view(sources: Sources, task: Task) -> TaskView:
    parts = [(name, read(sources, task)) for name, read in PARTS.items()]
    return TaskView(
        task=task,
        presentation=TASK_PRESENTATIONS[task.kind],
        parts=[(name, part) for name, part in parts if part is not None],
    )
