"""A task's explained answers, their words highlighted, and its labels in doubt."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.errors import Piece, excerpt
from mgm.evaluation.run_files import Sources
from mgm.report.explanations_page import PLACE
from mgm.tasks import Task

NOTED_SHARE = 0.01
"""A sentence with less of the attention has no number."""


@dataclass(frozen=True)
class Doubt:
    """A label in doubt, with the beginning of its document."""

    entry: dict[str, Any]
    pieces: list[Piece]


@dataclass(frozen=True)
class TaskExplanations:
    """Examples as data/explanations/examples.json has them, labels in doubt, the least share of a sentence that is noted."""

    examples: list[dict[str, Any]]
    doubts: list[Doubt]
    noted: float = NOTED_SHARE


def explained_ids(sources: Sources, task: Task) -> list[str]:
    """Corpus and doc_id of the documents whose answers are explained on the page, joined by a blank."""
    examples = (sources.json(*PLACE, "examples.json", expected=False) or {}).get(task.name, [])
    return [f"{x['corpus']} {x['doc_id']}" for x in examples]


def task_explanations(sources: Sources, task: Task) -> TaskExplanations | None:
    """Reads data/explanations; None where nothing of the task is explained or in doubt."""
    examples = (sources.json(*PLACE, "examples.json") or {}).get(task.name, [])
    entries = (sources.json(*PLACE, "label_errors.json") or {}).get(task.name, {}).get("examples", [])
    texts = {
        corpus: sources.texts(corpus, [e["doc_id"] for e in entries if e["corpus"] == corpus])
        for corpus in dict.fromkeys(e["corpus"] for e in entries)
    }
    doubts = [Doubt(e, excerpt(texts[e["corpus"]].get(e["doc_id"], ""), None, None)) for e in entries]
    return TaskExplanations(examples, doubts) if examples or doubts else None
