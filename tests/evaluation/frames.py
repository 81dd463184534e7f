"""Predictions frames for tests of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.predictions import select_labelled
from mgm.model.heads.tagging import PREDICTED_SPAN
from mgm.tasks import Task, TaskColumns


def task(kind: str, labels: Sequence[str] = ()) -> Task:
    """Return a task `t` of a kind with this label space."""
    return Task(name="t", kind=kind, corpora=["c"], labels=tuple(labels))


def frame(kind: str, true: list[Any], predicted: list[Any], **columns: Any) -> pl.DataFrame:
    """Return predictions of one document a group; `columns` adds or replaces."""
    n = len(true)
    column_type = task(kind).column_type
    predicted_type = pl.List(PREDICTED_SPAN) if task(kind).spec.predicts_words else column_type
    base = {
        "corpus": ["c"] * n,
        "doc_id": [f"d{i:04d}" for i in range(n)],
        "group": [f"g{i:04d}" for i in range(n)],
        "lang": ["en"] * n,
        "prediction:t": pl.Series(predicted, dtype=predicted_type),
        "label:t": pl.Series(true, dtype=column_type),
    }
    return pl.DataFrame(base | {_inner_name(name): values for name, values in columns.items()})


def _inner_name(name: str) -> str:
    """Return the column that a keyword such as `t_score` stands for, which can have no colon."""
    return TaskColumns("t").of(name.removeprefix("t_")) if name.startswith("t_") else name


def metrics(kind: str, true: list[Any], predicted: list[Any], labels: Sequence[str] = ()) -> dict[str, float]:
    """Return the metrics of these predictions."""
    of_task = task(kind, labels)
    rows = select_labelled(frame(kind, true, predicted), of_task)
    return evaluation_of(of_task).statistics(rows, of_task).score()


def classified(logits: np.ndarray, true: np.ndarray, labels: list[str], **columns: Any) -> pl.DataFrame:
    """Return the predictions of a model with these logits (D, K); true (D,) are label ids."""
    probs = np.exp(logits - logits.max(1, keepdims=True))
    probs = probs / probs.sum(1, keepdims=True)
    best = probs.argmax(1)
    return frame(
        "classification",
        [labels[i] for i in true],
        [labels[i] for i in best],
        t_score=pl.Series(probs.max(1).round(4), dtype=pl.Float32),
        t_probs=pl.Series(probs.round(4).tolist(), dtype=pl.List(pl.Float32)),
        **columns,
    )


def span(start: int, end: int, label: str, score: float | None = None) -> dict[str, Any]:
    """Return a span, predicted where it has a score."""
    place = {"start": start, "end": end, "label": label}
    return place if score is None else place | {"score": score}
