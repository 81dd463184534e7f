"""The report's section on why the model answers as it does: what each granularity is worth to it, and how far its
explanations can be believed. The explained answers themselves stand with their tasks (task_explanations.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import Sources

PLACE = ("data", "explanations")


@dataclass(frozen=True)
class MaskRow:
    """What masking one granularity changes, task by task; None where the task does not read it."""

    name: str
    changes: list[dict[str, Any] | None]


@dataclass(frozen=True)
class ExplanationsPage:
    """tasks: those of the masking table, in its columns' order; gates: task to weights, largest first, or None where the
    fusion has none; faithfulness and doubts by task; most_change: the largest change of a metric, for the shade."""

    tasks: dict[str, dict[str, Any]]
    masks: list[MaskRow]
    most_change: float
    fusion: str
    gates: dict[str, list[tuple[str, float]]]
    faithfulness: dict[str, dict[str, Any]]
    doubts: dict[str, dict[str, Any]]


def explanations_page(sources: Sources) -> ExplanationsPage | None:
    """Reads data/explanations; None where the stage `explain` has not run, or had generation tasks alone."""
    found = {
        name: sources.json(*PLACE, f"{name}.json")
        for name in ("masking", "gates", "faithfulness", "label_errors")
    }
    if any(content is None for content in found.values()):
        return None
    tasks = found["masking"]
    if not tasks:
        return None
    changes = [abs(c["change"] or 0.0) for task in tasks.values() for c in task["masks"].values()]
    return ExplanationsPage(
        tasks,
        [MaskRow(name, [task["masks"].get(name) for task in tasks.values()]) for name in _order(tasks)],
        max(changes, default=0.0),
        found["gates"]["fusion"],
        {
            task: sorted(weights.items(), key=lambda item: -item[1])
            for task, weights in found["gates"]["weights"].items()
        },
        found["faithfulness"],
        found["label_errors"],
    )


_LEVELS = (
    "character",
    "word",
    "character and word",
    "window",
    "lead",
    "sentence",
    "paragraph",
    "document",
    "wide",
    "deep",
)


def _order(tasks: Mapping[str, dict[str, Any]]) -> list[str]:
    """The masks of any task, from the characters up, then the two parts of the network."""
    names = {name for task in tasks.values() for name in task["masks"]}

    def place(name: str) -> tuple[int, int, str]:
        level, _, size = name.partition("_")
        return (_LEVELS.index(level) if level in _LEVELS else len(_LEVELS), int(size or 0), name)

    return sorted(names, key=place)
