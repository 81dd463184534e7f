"""The report's section of each task, made of parts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import Sources
from mgm.report.task_calibration import task_calibration
from mgm.report.task_confusions import task_confusions
from mgm.report.task_errors import task_errors
from mgm.report.task_explanations import task_explanations
from mgm.report.task_labels import task_labels
from mgm.report.task_metrics import task_metrics
from mgm.report.task_slices import task_slices
from mgm.report.task_written import task_written
from mgm.tasks import Task

PARTS: dict[str, Callable[[Sources, Task], Any]] = {
    "metrics": task_metrics,
    "labels": task_labels,
    "slices": task_slices,
    "calibration": task_calibration,
    "confusions": task_confusions,
    "explanations": task_explanations,
    "errors": task_errors,
    "written": task_written,
}
"""In the page's order: what reads a part, which the template task_<name>.html.j2 shows as `part` beside `task`. None
leaves it out."""


@dataclass(frozen=True)
class TaskView:
    """A task and its parts: (template, what it shows)."""

    task: Task
    parts: list[tuple[str, Any]]


def each_task_page(sources: Sources) -> list[TaskView]:
    """Reads what the parts read."""
    return [_view(sources, task) for task in sources.settings.active_tasks()]


def _view(sources: Sources, task: Task) -> TaskView:
    found = {name: read(sources, task) for name, read in PARTS.items()}
    return TaskView(
        task, [(f"task_{name}.html.j2", part) for name, part in found.items() if part is not None]
    )
