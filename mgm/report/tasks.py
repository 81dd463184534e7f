"""The report's table of all tasks, and the section of each task with its parts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import RunFiles
from mgm.experiments.study import VariantResult, read_result
from mgm.experiments.variants import SINGLE, variants
from mgm.report.examples import read_confusions, read_errors, read_generated
from mgm.report.explanations import read_task_explanations
from mgm.report.kinds import TASK_PRESENTATIONS, TaskPresentation
from mgm.report.plots import interval_plot
from mgm.report.results import read_calibration, read_details, read_labels, read_metrics, read_slices
from mgm.tasks import Task

PARTS: dict[str, Callable[[RunFiles, Task], Any]] = {
    "metrics": read_metrics,
    "labels": read_labels,
    "slices": read_slices,
    "calibration": read_calibration,
    "confusions": read_confusions,
    "explanations": read_task_explanations,
    "errors": read_errors,
    "generated": read_generated,
}
"""The parts of a task's section, in the page's order.

The template tasks/<name>.html.j2 shows the function's result as `part`; a part of None is left out.
"""


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """A task's row of the table.

    Attributes:
        entry: the task's entry of reports/metrics.json, None where it is missing.
    """

    task: Task
    entry: dict[str, Any] | None
    single: VariantResult
    plot: Markup


@dataclass(frozen=True, kw_only=True)
class TaskTable:
    """The content of the section about all tasks.

    Attributes:
        idle: the tasks of the enabled corpora that are not trained.
        below: the task and name of each slice that is significantly below average.
    """

    views: list[TaskRow]
    idle: list[str]
    below: list[tuple[str, dict[str, Any]]]

    @property
    def beside_linear(self) -> dict[str, list[str]]:
        """The tasks by what is shown of the network beside n-grams alone: better, worse, or something else."""
        return self._by_entry("shown")

    @property
    def without_linear(self) -> dict[str, list[str]]:
        """The tasks without a linear baseline by the reason."""
        return self._by_entry("why")

    def _by_entry(self, key: str) -> dict[str, list[str]]:
        """Return the tasks by this key of their entry about the linear baseline."""
        tasks: dict[str, list[str]] = {}
        for row in self.views:
            linear = (row.entry or {}).get("linear", {})
            if key in linear:
                tasks.setdefault(linear[key], []).append(row.task.name)
        return tasks


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """A task's section.

    Attributes:
        parts: the name of the template and the content of each part.
    """

    task: Task
    presentation: TaskPresentation
    parts: list[tuple[str, Any]]


def read_tasks(run_files: RunFiles) -> TaskTable:
    """Read reports/metrics.json, reports/evaluation and the study's results."""
    metrics = run_files.json("reports", "metrics.json") or {}
    rows = [_row(run_files, task, entry=metrics.get(task.name)) for task in run_files.settings.active_tasks()]
    enabled = reduce(add, [run_files.settings.tasks_for(corpus) for corpus in run_files.settings.enabled])
    return TaskTable(
        views=rows,
        idle=sorted({task.name for task in enabled} - {row.task.name for row in rows}),
        below=[
            (row.task.name, entry)
            for row in rows
            for entry in read_details(run_files, row.task, part="slices") or []
            if entry["below"]
        ],
    )


def read_each_task(run_files: RunFiles) -> list[TaskView]:
    """Read all parts of every task."""
    return [_view(run_files, task) for task in run_files.settings.active_tasks()]


def _row(run_files: RunFiles, task: Task, *, entry: dict[str, Any] | None) -> TaskRow:
    single = read_result(run_files, variants(run_files.settings)[f"{SINGLE}/{task.name}"])
    plot = Markup("")
    if entry is not None:
        plot = interval_plot(
            entry[task.first_metric],
            low=entry["low"],
            high=entry["high"],
            majority=entry["baseline"],
            linear=entry.get("linear", {}).get("value"),
            single=single.value(task) if single.state == "current" else None,
        )
    return TaskRow(task=task, entry=entry, single=single, plot=plot)


def _view(run_files: RunFiles, task: Task) -> TaskView:
    parts = [(name, read(run_files, task)) for name, read in PARTS.items()]
    return TaskView(
        task=task,
        presentation=TASK_PRESENTATIONS[task.kind],
        parts=[(name, part) for name, part in parts if part is not None],
    )
