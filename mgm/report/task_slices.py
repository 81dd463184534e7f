"""How a task goes on parts of the test split."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mgm.evaluation.run_files import Sources
from mgm.report.task_details import task_details
from mgm.tasks import Task


@dataclass(frozen=True)
class SlicesPart:
    """cuts: by what and by which metric, and slices.py's entries. first: the task's first metric, where slices are compared
    by another."""

    cuts: list[tuple[str, str, list[dict[str, Any]]]]
    first: str | None


def task_slices(sources: Sources, task: Task) -> SlicesPart | None:
    """Reads reports/evaluation; None where nothing was cut."""
    found = task_details(sources, task, "slices")
    if not found:
        return None
    grouped = groupby(found, lambda entry: (entry["by"], entry["metric"]))
    first = task.first_metric if any("first" in entry for entry in found) else None
    return SlicesPart([(by, metric, list(entries)) for (by, metric), entries in grouped], first)
