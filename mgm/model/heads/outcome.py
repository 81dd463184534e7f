"""Decoded outcomes for the rows of a part, and their columns.

Axes: R rows, N words of these rows, K labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mgm.model.rounding import round_scores
from mgm.tasks import Task
from mgm.text.list_columns import unflatten


@dataclass(frozen=True)
class Tags:
    """BIO ids (N,) of the words of R documents, and the probability (N,) of each."""

    tags: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Texts:
    """The text (R,) that was generated for each of R documents.

    `score`: the mean log-probability of its subwords; `truncated`: whether the decoder read only a part of the document.
    """

    text: np.ndarray
    score: np.ndarray
    truncated: np.ndarray


Outcome = np.ndarray | Tags | Texts
"""The outcome of one task: probabilities (R,K), values (R,), tags, or texts."""

Columns = dict[str, pl.Series]
ColumnTypes = Mapping[str, Any]


def list_column(values: pl.Series, count: np.ndarray) -> pl.Series:
    """Return the list column whose rows take the next `count` (R,) values each."""
    return unflatten(values, count, name="")


def probability_matrix(predictions: pl.DataFrame, task: Task) -> np.ndarray:
    """Return the column of the probabilities of all labels as (R, K) float64."""
    flat = predictions[task.columns.probs].explode(empty_as_null=False).to_numpy()
    return flat.astype(np.float64).reshape(predictions.height, len(task.labels))


def label_ids(labels: pl.Series, task: Task) -> np.ndarray:
    """Return the places of labels in the label space."""
    return labels.cast(pl.Enum(task.labels)).to_physical().to_numpy().astype(np.int64)


def probability_column(task: Task, probs: np.ndarray) -> Columns:
    """Return the column of the probabilities (R,K) of all labels, in the order of the label space."""
    values = pl.Series(round_scores(probs).ravel())
    return {task.columns.probs: list_column(values, np.full(len(probs), probs.shape[1]))}
