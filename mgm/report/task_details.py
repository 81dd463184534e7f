"""What evaluation found of a task beyond its metrics: reports/evaluation/<task>.json."""

from typing import Any

from mgm.evaluation.run_files import Sources
from mgm.tasks import Task


def task_details(sources: Sources, task: Task, part: str) -> Any:
    """One part of it (details.py); None where the file lacks or the kind of task has none."""
    found = sources.json("reports", "evaluation", f"{task.name}.json")
    return None if found is None else found[part]
