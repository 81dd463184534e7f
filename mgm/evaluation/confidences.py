"""Answers and how sure the model was of them: what calibration and coverage are measured on.

Axes: N answers, C classes of an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mgm.evaluation.items import matches
from mgm.evaluation.metrics import probabilities, truths
from mgm.tasks import Task

LEAST = 5e-5
"""Probabilities are written with four decimals: below half of the last one they are taken for this."""


@dataclass(frozen=True)
class Answers:
    """row (N,) of the predictions frame; logits (N, C); target (N,) the class that is true, -1: one that training never
    saw; said (N,) the class whose probability is the confidence."""

    row: np.ndarray
    logits: np.ndarray
    target: np.ndarray
    said: np.ndarray

    @property
    def right(self) -> np.ndarray:
        return self.target == self.said

    def confidence(self, temperature: float = 1.0) -> np.ndarray:
        """(N,) the probability of what was said, its logits divided by a temperature."""
        return np.exp(_log_softmax(self.logits / temperature)[np.arange(len(self.said)), self.said])

    def surprise(self, temperature: float = 1.0) -> np.ndarray:
        """(N,) the negative log-likelihood (nats) of what is true; nan where training never saw it."""
        found = -_log_softmax(self.logits / temperature)[np.arange(len(self.target)), self.target]
        return np.where(self.target >= 0, found, np.nan)


def answers(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> Answers | None:
    """The answers of labelled rows; None where the task gives no probabilities.

    classification: the class of each document; multilabel: of each document and label whether it holds; tagging: of each
    span that was said whether it is right, in bounds and label.
    """
    if task.kind == "classification" and f"{task.name}_probs" in rows.columns:
        probs = probabilities(rows, task, len(labels))
        truth = truths(rows, task, labels)
        target = np.where(truth[:, : len(labels)].any(1), truth.argmax(1), -1)
        said = pl.Series(labels, dtype=pl.String).to_frame("label").with_row_index("place")
        place = rows.select(label=task.name).join(said, on="label", how="left", maintain_order="left")[
            "place"
        ]
        return Answers(np.arange(rows.height), _log(probs), target, place.to_numpy().astype(np.int64))
    if task.kind == "multilabel" and f"{task.name}_probs" in rows.columns:
        probs = probabilities(rows, task, len(labels))
        truth = truths(rows, task, labels)[:, : len(labels)]
        return _yes_or_no(np.repeat(np.arange(rows.height), len(labels)), probs.ravel(), truth.ravel())
    if task.kind == "tagging" and rows.height:
        row, score, right = said_spans(rows, task)
        return _yes_or_no(row, score, right)
    return None


def said_spans(rows: pl.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, score and rightness of each span that was said."""
    keys = ["row", "start", "end", "label"]
    spans = rows.with_row_index("row").select("row", span=task.name).explode("span").drop_nulls("span")
    field = pl.col("span").struct.field
    said = spans.select("row", field("start"), field("end"), field("label"), field("score"))
    true = matches(rows, task).filter("true").select(*keys, right=pl.lit(True))
    judged = said.join(true, on=keys, how="left", maintain_order="left").with_columns(
        pl.col("right").fill_null(False)
    )
    row = judged["row"].to_numpy().astype(np.int64)
    return row, judged["score"].to_numpy().astype(np.float64), judged["right"].to_numpy()


def said_answers(rows: pl.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Row, score and rightness of what was said: a class, each label of a set, each span. None where scores lack."""
    if task.kind == "tagging":
        return said_spans(rows, task)
    if f"{task.name}_score" not in rows.columns or task.kind not in ("classification", "multilabel"):
        return None
    said = rows.with_row_index("row").select(
        "row", said=task.name, score=f"{task.name}_score", true=f"{task.name}_true"
    )
    if task.kind == "multilabel":
        said = said.explode("said", "score").drop_nulls("said")
        said = said.with_columns(right=pl.col("true").list.contains(pl.col("said")))
    else:
        said = said.with_columns(right=pl.col("said") == pl.col("true"))
    row = said["row"].to_numpy().astype(np.int64)
    return row, said["score"].to_numpy().astype(np.float64), said["right"].to_numpy()


def _yes_or_no(row: np.ndarray, probability: np.ndarray, true: np.ndarray) -> Answers:
    logits = np.stack([_log(1 - probability), _log(probability)], axis=1)
    return Answers(row, logits, true.astype(np.int64), np.ones(len(row), np.int64))


def _log(probs: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probs, LEAST, 1.0))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
