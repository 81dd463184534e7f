"""The report's explanations of the model, and of each task's predictions.

The section shows the effect of each granularity and the faithfulness of highlighted words; a task's part its explained predictions and
labels in doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgm.evaluation.errors import Piece, excerpt
from mgm.evaluation.run_files import RunFiles
from mgm.tasks import Task

PLACE = ("data", "explanations")
MIN_NOTED_SHARE = 0.01
"""A sentence with less of the attention has no number."""
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


@dataclass(frozen=True, kw_only=True)
class MaskRow:
    """The change by masking one granularity, task by task; None where the task does not read it."""

    name: str
    changes: list[dict[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class ExplanationsContent:
    """The content of the section.

    Attributes:
        tasks: the tasks of the masking table, in the order of its columns.
        most_change: the largest change of a metric, for the shade.
        gates: task to weights, largest first, empty where the fusion has none.
        faithfulness: the faithfulness of each task's explanations.
        doubts: the search for label errors of each task.
    """

    tasks: dict[str, dict[str, Any]]
    masks: list[MaskRow]
    most_change: float
    fusion: str
    gates: dict[str, list[tuple[str, float]]]
    faithfulness: dict[str, dict[str, Any]]
    doubts: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class LabelInDoubt:
    """An entry of label_errors.json, with the beginning of its document."""

    entry: dict[str, Any]
    pieces: list[Piece]


@dataclass(frozen=True, kw_only=True)
class TaskExplanationsPart:
    """A task's entries of examples.json, its labels in doubt, and the least share of a sentence that is noted."""

    examples: list[dict[str, Any]]
    doubts: list[LabelInDoubt]
    noted: float = MIN_NOTED_SHARE


def read_explanations(run_files: RunFiles) -> ExplanationsContent | None:
    """Read data/explanations; None where the stage `explain` has not run or explained no task."""
    content = {
        name: run_files.json(*PLACE, f"{name}.json")
        for name in ("masking", "gates", "faithfulness", "label_errors")
    }
    if any(part is None for part in content.values()):
        return None
    tasks = content["masking"]
    if not tasks:
        return None
    changes = [abs(mask["change"] or 0.0) for task in tasks.values() for mask in task["masks"].values()]
    return ExplanationsContent(
        tasks=tasks,
        masks=[
            MaskRow(name=name, changes=[task["masks"].get(name) for task in tasks.values()])
            for name in _order_masks(tasks)
        ],
        most_change=max(changes, default=0.0),
        fusion=content["gates"]["fusion"],
        gates={
            task: sorted(weights.items(), key=lambda item: -item[1])
            for task, weights in content["gates"]["weights"].items()
        },
        faithfulness=content["faithfulness"],
        doubts=content["label_errors"],
    )


def read_task_explanations(run_files: RunFiles, task: Task) -> TaskExplanationsPart | None:
    """Read data/explanations; None where nothing of the task is explained or in doubt."""
    examples = (run_files.json(*PLACE, "examples.json") or {}).get(task.name, [])
    entries = (run_files.json(*PLACE, "label_errors.json") or {}).get(task.name, {}).get("examples", [])
    texts = {
        corpus: run_files.texts(corpus, [e["doc_id"] for e in entries if e["corpus"] == corpus])
        for corpus in dict.fromkeys(e["corpus"] for e in entries)
    }
    doubts = [
        LabelInDoubt(entry=e, pieces=excerpt(texts[e["corpus"]].get(e["doc_id"], ""), None, end=None))
        for e in entries
    ]
    return TaskExplanationsPart(examples=examples, doubts=doubts) if examples or doubts else None


def explained_ids(run_files: RunFiles, task: Task) -> list[str]:
    """Return corpus and doc_id, joined by a blank, of the documents whose predictions are explained on the page."""
    examples = (run_files.json(*PLACE, "examples.json", expected=False) or {}).get(task.name, [])
    return [f"{example['corpus']} {example['doc_id']}" for example in examples]


def _order_masks(tasks: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the masks of any task, from the characters up, then the two parts of the network."""

    def rank(name: str) -> tuple[int, int, str]:
        level, _, size = name.partition("_")
        return (_LEVELS.index(level) if level in _LEVELS else len(_LEVELS), int(size or 0), name)

    return sorted({name for task in tasks.values() for name in task["masks"]}, key=rank)
