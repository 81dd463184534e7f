"""Which labels of a task are taken for which, with the documents where it happened."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.confusions import CLASSES
from mgm.evaluation.errors import Piece, excerpt
from mgm.evaluation.run_files import Sources
from mgm.report.task_details import task_details
from mgm.tasks import Task

CHARACTERS = 160
"""Of an example document."""


@dataclass(frozen=True)
class Example:
    """A document of a confusion; no pieces where its text was not found."""

    corpus: str
    doc_id: str
    lang: str
    score: float | None
    pieces: list[Piece]


@dataclass(frozen=True)
class Pair:
    actual: str
    predicted: str
    n: int
    examples: list[Example]


@dataclass(frozen=True)
class ConfusionsPart:
    """matrix: of confusions.py, None for sets of labels; columns: its columns, the share of the row in each cell beside its
    count. classes: how many it shows at most."""

    matrix: dict[str, Any] | None
    rows: list[tuple[str, int, list[tuple[int, float, bool]]]]
    pairs: list[Pair]
    classes: int = CLASSES


def task_confusions(sources: Sources, task: Task) -> ConfusionsPart | None:
    """Reads reports/evaluation and data/documents; None for regression and where nothing was evaluated."""
    found = task_details(sources, task, "confusions")
    if found is None:
        return None
    texts = _texts(sources, found["pairs"])
    pairs = [
        Pair(pair["actual"], pair["predicted"], pair["n"], [_example(e, texts) for e in pair["examples"]])
        for pair in found["pairs"]
    ]
    matrix = found["matrix"]
    return ConfusionsPart(matrix, [] if matrix is None else _rows(matrix), pairs)


def _rows(matrix: dict[str, Any]) -> list[tuple[str, int, list[tuple[int, float, bool]]]]:
    """Each row's label, total, and of each cell the count, its share of the row, and whether it is a hit."""
    return [
        (
            label,
            sum(counts),
            [
                (n, n / max(sum(counts), 1), column == label)
                for column, n in zip(matrix["columns"], counts, strict=True)
            ],
        )
        for label, counts in zip(matrix["rows"], matrix["counts"], strict=True)
    ]


def _texts(sources: Sources, pairs: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    wanted: dict[str, set[str]] = {}
    for example in (e for pair in pairs for e in pair["examples"]):
        wanted.setdefault(example["corpus"], set()).add(example["doc_id"])
    return {
        (corpus, doc_id): text
        for corpus, ids in sorted(wanted.items())
        for doc_id, text in sources.texts(corpus, sorted(ids)).items()
    }


def _example(entry: dict[str, Any], texts: dict[tuple[str, str], str]) -> Example:
    text = texts.get((entry["corpus"], entry["doc_id"]))
    pieces = [] if text is None else excerpt(text, entry["start"], entry["end"], CHARACTERS)
    return Example(entry["corpus"], entry["doc_id"], entry["lang"], entry["score"], pieces)
