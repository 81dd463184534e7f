"""A task's metrics label by label."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from mgm.evaluation.items import per_label
from mgm.evaluation.metrics import labelled
from mgm.evaluation.sources import Sources
from mgm.evaluation.summary import SPLIT
from mgm.tasks import Task

SHOWN = 15
"""More labels than these are folded away behind the worst."""
WORST = 5


@dataclass(frozen=True)
class LabelsPart:
    """Rows of metrics.per_label: all, and the worst that were trained and tested. folded: only the worst are open."""

    rows: list[dict[str, Any]]
    worst: list[dict[str, Any]]
    folded: bool


def task_labels(sources: Sources, task: Task) -> LabelsPart | None:
    """Reads data/predictions; None where there are none, or no labels."""
    predictions = sources.predictions(task, SPLIT)
    if predictions is None or task.kind == "regression":
        return None
    spaces = sources.json("data", "predictions", "labels.json") or {}
    table = per_label(labelled(predictions, task), task, spaces.get(task.name, []))
    worst = table.filter("seen", pl.col("support") > 0).sort(["f1", "label"]).head(WORST)
    return LabelsPart(table.to_dicts(), worst.to_dicts(), table.height > SHOWN)
