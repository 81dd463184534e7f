"""Tasks, and the kinds of tasks."""

from mgm.tasks.columns import TaskColumns
from mgm.tasks.kinds import SPAN, TASK_KINDS, KindRegistry, TaskKind
from mgm.tasks.names import RECONSTRUCTION
from mgm.tasks.task import Task, TaskSettings, tasks_of, with_label_spaces

__all__ = [
    "RECONSTRUCTION",
    "SPAN",
    "TASK_KINDS",
    "KindRegistry",
    "Task",
    "TaskColumns",
    "TaskKind",
    "TaskSettings",
    "tasks_of",
    "with_label_spaces",
]
