"""Predictions frames for tests of numbers."""

from typing import Any

import numpy as np
import polars as pl

from mgm.model.heads.tagging import PREDICTED_SPAN
from mgm.tasks import Task


def task(kind: str) -> Task:
    return Task(name="t", kind=kind, corpora=["c"])


def frame(kind: str, true: list[Any], said: list[Any], **columns: Any) -> pl.DataFrame:
    """One document a group; `columns` adds or replaces."""
    n = len(true)
    dtype = pl.List(PREDICTED_SPAN) if kind == "tagging" else task(kind).column_type
    base = {
        "corpus": ["c"] * n,
        "doc_id": [f"d{i:04d}" for i in range(n)],
        "group": [f"g{i:04d}" for i in range(n)],
        "lang": ["en"] * n,
        "t": pl.Series(said, dtype=dtype),
        "t_true": pl.Series(true, dtype=task(kind).column_type),
    }
    return pl.DataFrame(base | columns)


def classified(logits: np.ndarray, true: np.ndarray, labels: list[str], **columns: Any) -> pl.DataFrame:
    """What a model with these logits (D, K) says; true (D,) the places of the labels."""
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
    place = {"start": start, "end": end, "label": label}
    return place if score is None else place | {"score": score}
