"""Which labels of a task are taken for which."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.errors import confused_pairs, confusion
from mgm.evaluation.items import per_label
from mgm.evaluation.metrics import labelled
from mgm.evaluation.sources import Sources
from mgm.evaluation.summary import SPLIT
from mgm.tasks import Task

CLASSES = 15
"""A confusion matrix is shown up to this many classes; beyond, the most confused pairs."""
PAIRS = 5


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: rows are the truth (training's labels, then those it never saw), columns the
    predictions."""

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]

    @property
    def totals(self) -> list[int]:
        return [sum(row) for row in self.counts]


@dataclass(frozen=True)
class ConfusionsPart:
    """matrix: None where there are too many classes."""

    matrix: Matrix | None
    pairs: list[dict[str, Any]]


def task_confusions(sources: Sources, task: Task) -> ConfusionsPart | None:
    """Reads data/predictions; None where there are none, or the task has no classes."""
    predictions = sources.predictions(task, SPLIT)
    if predictions is None or task.kind != "classification":
        return None
    rows, space = labelled(predictions, task), (sources.json("data", "predictions", "labels.json") or {})
    known = space.get(task.name, [])
    order = per_label(rows, task, known)["label"].to_list()
    pairs = confused_pairs(rows, task, PAIRS).to_dicts()
    if len(order) > CLASSES:
        return ConfusionsPart(None, pairs)
    counts = [row[: len(known)] for row in confusion(rows, task, order)]
    return ConfusionsPart(Matrix(order, known, counts), pairs)
