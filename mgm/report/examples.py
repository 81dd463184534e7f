"""The parts of a task's section that show documents: confusions, confident errors, and generated texts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from mgm.evaluation.confusions import MAX_LABELS
from mgm.evaluation.errors import Example, Piece, confident_errors, excerpt
from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT
from mgm.report.explanations import explained_ids
from mgm.report.results import read_details
from mgm.tasks import Task

EXCERPT_CHARACTERS = 160
"""Shown of a document in the list of confusions."""
NUM_ERRORS = 4

Texts = Mapping[tuple[str, str], str]
"""Raw texts by corpus and doc_id."""


@dataclass(frozen=True, kw_only=True)
class ConfusedDocument:
    """A document of a confusion; no pieces where its text was not found."""

    corpus: str
    doc_id: str
    lang: str
    score: float | None
    pieces: list[Piece]


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """A true label and the one predicted instead, with their count and documents."""

    actual: str
    predicted: str
    n: int
    examples: list[ConfusedDocument]


@dataclass(frozen=True, kw_only=True)
class ConfusionsPart:
    """The confusions of a task's labels.

    Attributes:
        matrix: the matrix of mgm/evaluation/confusions.py, None for sets of labels.
        rows: for each row its label, its total, and for each cell the count, its share of the row, and whether it
            is correct.
        classes: the most labels that the matrix shows.
    """

    matrix: dict[str, Any] | None
    rows: list[tuple[str, int, list[tuple[int, float, bool]]]]
    pairs: list[ConfusedPair]
    classes: int = MAX_LABELS


@dataclass(frozen=True, kw_only=True)
class ErrorsPart:
    """The most confident errors.

    Attributes:
        besides: whether some of them are among the explained predictions, which are not shown twice.
    """

    examples: list[Example]
    besides: bool


@dataclass(frozen=True, kw_only=True)
class GeneratedPart:
    """Generated texts with source and reference (generation_examples.py): some of all qualities, and the worst."""

    others: list[dict[str, Any]]
    worst: list[dict[str, Any]]

    @property
    def has_memory(self) -> bool:
        """Whether a text of the translation memory stands beside any of them."""
        return any(entry.get("memory") for entry in [*self.others, *self.worst])


def read_confusions(run_files: RunFiles, task: Task) -> ConfusionsPart | None:
    """Read reports/evaluation and data/documents; None for kinds without labels and where nothing was evaluated."""
    confusions = read_details(run_files, task, part="confusions")
    if confusions is None:
        return None
    texts = _read_texts(run_files, (example for pair in confusions["pairs"] for example in pair["examples"]))
    matrix = confusions["matrix"]
    return ConfusionsPart(
        matrix=matrix,
        rows=[] if matrix is None else _matrix_rows(matrix),
        pairs=[
            ConfusedPair(
                actual=pair["actual"],
                predicted=pair["predicted"],
                n=pair["n"],
                examples=[_confused_document(example, texts) for example in pair["examples"]],
            )
            for pair in confusions["pairs"]
        ],
    )


def read_errors(run_files: RunFiles, task: Task) -> ErrorsPart | None:
    """Read data/predictions and data/documents; None where there is no error to show, and for generated texts."""
    predictions = run_files.predictions(task, SPLIT)
    if predictions is None:
        return None
    explained = explained_ids(run_files, task)
    errors = confident_errors(select_labelled(predictions, task), task, count=NUM_ERRORS + len(explained))
    if errors is None:
        return None
    ids = pl.concat_str("corpus", "doc_id", separator=" ")
    rows = errors.filter(~ids.is_in(explained)).head(NUM_ERRORS).to_dicts()
    texts = _read_texts(run_files, rows)
    examples = []
    for row in rows:
        text = texts.get((row["corpus"], row["doc_id"]))
        start, end = row.pop("start"), row.pop("end")
        examples.append(Example(**row, pieces=[Piece("")] if text is None else excerpt(text, start, end=end)))
    return ErrorsPart(examples=examples, besides=bool(explained)) if examples else None


def read_generated(run_files: RunFiles, task: Task) -> GeneratedPart | None:
    """Read reports/evaluation; None where the task generates no text."""
    entries = read_details(run_files, task, part="generated")
    if not entries:
        return None
    return GeneratedPart(
        others=[e for e in entries if not e["worst"]], worst=[e for e in entries if e["worst"]]
    )


def _matrix_rows(matrix: dict[str, Any]) -> list[tuple[str, int, list[tuple[int, float, bool]]]]:
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


def _read_texts(run_files: RunFiles, rows: Iterable[Mapping[str, Any]]) -> Texts:
    """Return the raw texts of the documents that the rows name by corpus and doc_id."""
    ids: dict[str, set[str]] = {}
    for row in rows:
        ids.setdefault(row["corpus"], set()).add(row["doc_id"])
    return {
        (corpus, doc_id): text
        for corpus, doc_ids in sorted(ids.items())
        for doc_id, text in run_files.texts(corpus, sorted(doc_ids)).items()
    }


def _confused_document(entry: dict[str, Any], texts: Texts) -> ConfusedDocument:
    text = texts.get((entry["corpus"], entry["doc_id"]))
    return ConfusedDocument(
        corpus=entry["corpus"],
        doc_id=entry["doc_id"],
        lang=entry["lang"],
        score=entry["score"],
        pieces=[]
        if text is None
        else excerpt(text, entry["start"], end=entry["end"], characters=EXCERPT_CHARACTERS),
    )
