"""What a task is, and the kinds of tasks."""

from mgm.tasks.task import (
    COLUMN_TYPES,
    FIRST_METRIC,
    RECONSTRUCTION,
    SPAN,
    TAUGHT_KINDS,
    Kind,
    Task,
    TaskSettings,
    tasks_of,
)

__all__ = [
    "COLUMN_TYPES",
    "FIRST_METRIC",
    "RECONSTRUCTION",
    "SPAN",
    "TAUGHT_KINDS",
    "Kind",
    "Task",
    "TaskSettings",
    "tasks_of",
]
