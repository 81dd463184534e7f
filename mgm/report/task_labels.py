"""A task's metrics label by label."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import Sources
from mgm.report.task_details import task_details
from mgm.tasks import Task

SHOWN = 15
"""More labels than these are folded away behind the worst."""
WORST = 5


@dataclass(frozen=True)
class LabelsPart:
    """Rows of details.label_rows: all, and the worst that were trained and tested. folded: only the worst are open; overlap:
    spans, whose overlaps are counted too."""

    rows: list[dict[str, Any]]
    worst: list[dict[str, Any]]
    folded: bool
    overlap: bool


def task_labels(sources: Sources, task: Task) -> LabelsPart | None:
    """Reads reports/evaluation; None where there is nothing, or no labels."""
    rows = task_details(sources, task, "labels")
    if rows is None:
        return None
    tested = [row for row in rows if row["seen"] and row["support"]]
    worst = sorted(tested, key=lambda row: (row["f1"], row["label"]))[:WORST]
    return LabelsPart(rows, worst, len(rows) > SHOWN, task.kind == "tagging")
