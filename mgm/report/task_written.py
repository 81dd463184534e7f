"""What a generation task wrote: source, reference and output of the worst documents and of some others."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import Sources
from mgm.report.task_details import task_details
from mgm.tasks import Task


@dataclass(frozen=True)
class Written:
    """Entries of evaluation.written.examples: some of all qualities, and the worst."""

    others: list[dict[str, Any]]
    worst: list[dict[str, Any]]


def task_written(sources: Sources, task: Task) -> Written | None:
    """Reads reports/evaluation; None where the task writes nothing."""
    found = task_details(sources, task, "written")
    if not found:
        return None
    return Written([e for e in found if not e["worst"]], [e for e in found if e["worst"]])
