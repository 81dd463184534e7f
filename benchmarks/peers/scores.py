"""The metrics of an outcome, the same for peers and mgm.

Axes: n rows, K labels of the training classes. An outcome is, by the task's kind: classification and multilabel
(n,K) scores, multilabel's in [0,1]; regression (n,) values; tagging a column of n lists of spans.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import pearsonr
from sklearn.metrics import f1_score

from mgm.evaluation.kinds import evaluation_of
from mgm.model.thresholds import Thresholds, tune

from .rows import Rows

Outcome = np.ndarray | pl.Series

SELECTED_BY = {
    "classification": ("accuracy", "macro_f1"),
    "multilabel": ("micro_f1", "macro_f1"),
    "regression": ("pearson",),
    "tagging": ("span_f1",),
}
"""A setting is tuned by the mean of these on validation."""


@dataclass(frozen=True)
class Scored:
    """The metrics, and the thresholds that they were made with (multilabel alone)."""

    metrics: dict[str, float]
    thresholds: Thresholds | None

    def selection(self, kind: str) -> float:
        return sum(self.metrics[name] for name in SELECTED_BY[kind]) / len(SELECTED_BY[kind])


def score(rows: Rows, outcome: Outcome, thresholds: Thresholds | None = None) -> Scored:
    """The metrics over all of `rows`; multilabel without thresholds tunes them on these rows.

    A label that training never saw counts as wrong. macro-F1 is the mean over the training classes that are true in some
    row: another has no F1, and so each model's mean is over the same classes. Where rows have more than one language,
    accuracy is given for each too.
    """
    kind = rows.task.kind
    if kind == "classification":
        return Scored(_classes(rows, np.asarray(outcome)), None)
    if kind == "multilabel":
        return _sets(rows, np.asarray(outcome), thresholds)
    if kind == "regression":
        return Scored({"pearson": _pearson(np.asarray(outcome), rows.values)}, None)
    return Scored({"span_f1": _span_f1(rows, outcome)}, None)


def _classes(rows: Rows, scores: np.ndarray) -> dict[str, float]:
    truth, predicted = rows.ids, scores.argmax(axis=1)
    right = truth == predicted
    metrics = {
        "accuracy": float(right.mean()),
        "accuracy_known": float(right[truth >= 0].mean()) if (truth >= 0).any() else 0.0,
        "macro_f1": _macro_f1(truth, predicted, np.unique(truth[truth >= 0])),
    }
    langs = rows.table["lang"].to_numpy()
    if len(set(langs)) > 1:
        metrics |= {f"accuracy_{lang}": float(right[langs == lang].mean()) for lang in sorted(set(langs))}
    return metrics


def _sets(rows: Rows, scores: np.ndarray, thresholds: Thresholds | None) -> Scored:
    truth = rows.sets
    thresholds = thresholds or tune(scores, truth)
    common = scores >= np.float32(thresholds.common)
    own = scores >= np.asarray(thresholds.labels, np.float32)
    named = rows.table.select(pl.col(rows.task.columns.label).list.unique().list.len().sum()).item()
    micro = 2 * int((common & truth).sum()) / max(int(common.sum()) + named, 1)
    macro = _macro_f1(truth, own, np.flatnonzero(truth.any(axis=0)))
    return Scored({"micro_f1": micro, "macro_f1": macro}, thresholds)


def _macro_f1(truth: np.ndarray, predicted: np.ndarray, classes: np.ndarray) -> float:
    if not len(classes):
        return 0.0
    return float(f1_score(truth, predicted, labels=classes, average="macro", zero_division=0.0))


def _pearson(predicted: np.ndarray, truth: np.ndarray) -> float:
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return 0.0  # a constant correlates with nothing
    return float(pearsonr(predicted, truth).statistic)


def _span_f1(rows: Rows, spans: Any) -> float:
    columns = rows.task.columns
    frame = pl.DataFrame({columns.prediction: spans, columns.label: rows.table[columns.label]})
    task = rows.task.model_copy(update={"labels": tuple(rows.space)})
    return evaluation_of(rows.task).statistics(frame, task).score()["span_f1"]
