"""The most confident errors of a model, and excerpts of their documents."""

from dataclasses import dataclass

import polars as pl

from mgm.evaluation.kinds import evaluation_of
from mgm.tasks import Task

CONTEXT = 90
"""Characters shown on each side of a wrong span."""
EXCERPT = 320
"""Characters shown of a wrongly classified document."""


@dataclass(frozen=True)
class Piece:
    """A stretch of an excerpt; `mark` is "predicted" for the span in question, else empty."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Example:
    """A wrong prediction with its score (for a number, its error), the label, and an excerpt of the document."""

    doc_id: str
    corpus: str
    lang: str
    predicted: str
    true: str
    score: float | None
    pieces: list[Piece]


def confident_errors(rows: pl.DataFrame, task: Task, *, count: int) -> pl.DataFrame | None:
    """Return the `count` most confident errors, one a document; None for kinds without single errors.

    Args:
        rows: labelled predictions with a column corpus.
        task: the task, with its label space.
        count: the most errors.

    Returns:
        doc_id, corpus, lang, predicted, true, score, start and end (of a span).
    """
    wrong = evaluation_of(task).wrong_predictions(rows, task)
    if wrong is None:
        return None
    return (
        wrong.with_columns(pl.col("score").cast(pl.Float64).round(4))
        .sort(["score", "corpus", "doc_id", "predicted"], descending=[True, False, False, False])
        .unique(["corpus", "doc_id"], keep="first", maintain_order=True)
        .head(count)
        .select("doc_id", "corpus", "lang", "predicted", "true", "score", "start", "end")
    )


def excerpt(text: str, start: int | None, *, end: int | None, characters: int = EXCERPT) -> list[Piece]:
    """Return an excerpt of a document: its first characters, or a span with its surroundings.

    Args:
        text: the document.
        start: the start of a span, in code points; None for the beginning of the document.
        end: the end of a span, past its last code point.
        characters: the number of characters of the beginning.
    """
    if start is None or end is None:
        return [Piece(text[:characters] + ("…" if len(text) > characters else ""))]
    first, last = max(start - CONTEXT, 0), min(end + CONTEXT, len(text))
    before = ("…" if first else "") + text[first:start]
    after = text[end:last] + ("…" if last < len(text) else "")
    return [Piece(before), Piece(text[start:end], "predicted"), Piece(after)]
