"""Checks of the labels of a task, one module a kind."""

from mgm.quality.kinds import (  # noqa: F401  importing a kind registers it
    classification,
    generation,
    multilabel,
    regression,
    tagging,
)
from mgm.quality.kinds.task_checks import SPAN_FAULTS, TASK_CHECKS, TaskChecks

__all__ = ["SPAN_FAULTS", "TASK_CHECKS", "TaskChecks"]
