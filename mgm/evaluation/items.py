"""Items: what a task of labels says of a document. A label; for tagging a span with its exact bounds and label.

Precision, recall and F1 count items. Axes: R resamples, D documents, K labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mgm.evaluation.spans import overlaps
from mgm.evaluation.sufficient_statistics import Statistics, Sums, counts, mean_defined, ratio
from mgm.tasks import Task

KINDS = ("classification", "multilabel", "tagging")


def matches(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Every true or predicted item: row (of `rows`), [start, end,] label, and whether it is `true`,
    whether `predicted`. One said twice counts once."""
    keys = ["row", "start", "end", "label"] if task.kind == "tagging" else ["row", "label"]
    numbered = rows.with_row_index("row")
    true = _column_items(numbered, f"{task.name}_true", task, keys).with_columns(true=pl.lit(True))
    predicted = _column_items(numbered, task.name, task, keys).with_columns(predicted=pl.lit(True))
    return (
        true.join(predicted, on=keys, how="full", coalesce=True, maintain_order="left_right")
        .with_columns(pl.col("true", "predicted").fill_null(False))
        .sort(keys)
    )


@dataclass(frozen=True)
class ItemCounts:
    """How many items of each label a sum over documents counts: (R, K) each; the label space of training comes first,
    then labels that training never saw."""

    true_positive: np.ndarray
    false_positive: np.ndarray
    false_negative: np.ndarray

    @property
    def support(self) -> np.ndarray:
        return self.true_positive + self.false_negative

    @property
    def said(self) -> np.ndarray:
        return self.true_positive + self.false_positive

    @property
    def precision(self) -> np.ndarray:
        return ratio(self.true_positive, self.said)

    @property
    def recall(self) -> np.ndarray:
        return ratio(self.true_positive, self.support)

    @property
    def f1(self) -> np.ndarray:
        return ratio(2 * self.true_positive, self.said + self.support)

    def pooled(self, labels: np.ndarray | slice = slice(None)) -> "ItemCounts":
        """Over all labels, or some, together: (R, 1)."""
        parts = (self.true_positive, self.false_positive, self.false_negative)
        return ItemCounts(*(part[:, labels].sum(1, keepdims=True) for part in parts))


@dataclass(frozen=True)
class Items:
    """A task's items as sums. space: the labels of the columns, the `trained` of training first.

    Columns of the sums: documents, documents right in everything, then K true positives, K false positives, K false
    negatives; for tagging also K predicted and K true spans that overlap one of the same label.
    """

    task: Task
    space: list[str]
    trained: int
    statistics: Statistics

    def counted(self, sums: Sums) -> ItemCounts:
        """Exact matches by label."""
        k = len(self.space)
        return ItemCounts(*(sums[:, 2 + i * k : 2 + (i + 1) * k] for i in range(3)))

    def overlapping(self, sums: Sums) -> tuple[np.ndarray, np.ndarray]:
        """(R, K) predicted and true spans that overlap one of the same label."""
        k = len(self.space)
        return sums[:, 2 + 3 * k : 2 + 4 * k], sums[:, 2 + 4 * k :]

    def having(self, labels: np.ndarray) -> np.ndarray:
        """(D,) bool: which documents have a true item of one of these labels, given by their places in `space`."""
        false_negatives = 2 * len(self.space)
        columns = np.concatenate([2 + labels, 2 + false_negatives + labels])
        return np.asarray(self.statistics.documents[:, columns].sum(axis=1)).ravel() > 0


def items(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> Items:
    """The items of labelled rows; `labels` is the label space of training."""
    found = matches(rows, task)
    unseen = found.filter(~pl.col("label").is_in(list(labels)))["label"].unique().sort()
    space = [*labels, *unseen]
    number = pl.DataFrame(
        {"label": space, "column": np.arange(len(space))}, schema={"label": pl.String, "column": pl.Int64}
    )
    found = found.join(number, on="label", how="left", maintain_order="left")
    true, predicted = found["true"].to_numpy(), found["predicted"].to_numpy()
    row, label = found["row"].to_numpy().astype(np.int64), found["column"].to_numpy()
    exact = np.ones(rows.height, bool)
    exact[row[true != predicted]] = False
    every = np.arange(rows.height)
    block = np.where(true & predicted, 0, np.where(predicted, 1, 2))
    at = [(every, 0), (every[exact], 1), (row, 2 + block * len(space) + label)]
    if task.kind == "tagging":
        near_predicted, near_true = overlaps(found)
        at += [
            (row[near], 2 + place * len(space) + label[near])
            for place, near in ((3, near_predicted), (4, near_true))
        ]
    width = 2 + (5 if task.kind == "tagging" else 3) * len(space)
    place = np.concatenate([r for r, _ in at])
    column = np.concatenate([np.broadcast_to(c, r.shape) for r, c in at])
    trained = len(labels)
    known = Items(task, space, trained, Statistics(counts(place, column, (rows.height, width)), _none))
    return Items(task, space, trained, Statistics(known.statistics.documents, lambda s: _metrics(s, known)))


def per_label(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> pl.DataFrame:
    """label, seen (in training), support, predicted, correct, precision, recall, f1 (null where
    undefined); training's order, then labels that training never saw. For tagging also overlap_precision,
    overlap_recall, overlap_f1."""
    found = items(rows, task, labels)
    sums = np.asarray(found.statistics.documents.sum(axis=0), np.float64).reshape(1, -1)
    counted = found.counted(sums)
    columns = {
        "label": pl.Series(found.space, dtype=pl.String),
        "seen": np.arange(len(found.space)) < found.trained,
        "support": counted.support[0].astype(np.int64),
        "predicted": counted.said[0].astype(np.int64),
        "correct": counted.true_positive[0].astype(np.int64),
    }
    values = {"precision": counted.precision, "recall": counted.recall, "f1": counted.f1}
    if task.kind == "tagging":
        values |= overlap_metrics(*found.overlapping(sums), counted)
    return pl.DataFrame(columns | {name: value[0] for name, value in values.items()}).with_columns(
        pl.col(*values).fill_nan(None)
    )


def overlap_metrics(
    predicted: np.ndarray, true: np.ndarray, counted: ItemCounts, prefix: str = "overlap"
) -> dict[str, np.ndarray]:
    """Precision: the share of predicted spans that overlap a true one of their label; recall: of true spans that
    overlap a predicted one; F1: their harmonic mean. 0 / 0 is nan."""
    precision, recall = ratio(predicted, counted.said), ratio(true, counted.support)
    both = np.nan_to_num(precision) + np.nan_to_num(recall)
    f1 = np.where(both > 0, ratio(2 * np.nan_to_num(precision) * np.nan_to_num(recall), both), 0.0)
    f1 = np.where(counted.said + counted.support > 0, f1, np.nan)
    return {f"{prefix}_precision": precision, f"{prefix}_recall": recall, f"{prefix}_f1": f1}


def _none(sums: Sums) -> dict[str, np.ndarray]:
    return {}


def _metrics(sums: Sums, found: Items) -> dict[str, np.ndarray]:
    documents, exact = sums[:, 0], sums[:, 1]
    order: list[str]
    counted, kind = found.counted(sums), found.task.kind
    pooled = counted.pooled()

    def known(values: np.ndarray) -> np.ndarray:  # 0 / 0 is 0 where documents were read, as in scikit-learn
        return np.where(documents > 0, np.nan_to_num(values), np.nan)

    own = slice(0, found.trained)
    occurs = (counted.said + counted.support)[:, own] > 0
    weight = counted.support
    values: dict[str, np.ndarray] = {}
    for name in ("f1", "precision", "recall"):
        each = getattr(counted, name)
        values[f"micro_{name}"] = known(getattr(pooled, name)[:, 0])
        values[f"macro_{name}"] = mean_defined(each[:, own], occurs)
        values[f"weighted_{name}"] = ratio((np.nan_to_num(each) * weight).sum(1), weight.sum(1))
    whole = ratio(exact, documents)
    if kind == "classification":  # micro precision and recall, and weighted recall, are the accuracy
        order = ["macro_f1", "accuracy", "macro_precision", "macro_recall", "micro_f1", "weighted_f1"]
        return {name: (values | {"accuracy": whole})[name] for name in [*order, "weighted_precision"]}
    if kind == "multilabel":
        order = [
            f"{how}_{what}"
            for what in ("f1", "precision", "recall")
            for how in ("micro", "macro", "weighted")
        ]
        return {name: values[name] for name in order} | {"subset_accuracy": whole}
    predicted, true = (part.sum(1, keepdims=True) for part in found.overlapping(sums))
    near = overlap_metrics(predicted, true, pooled)
    return {
        "span_f1": values["micro_f1"],
        "span_precision": values["micro_precision"],
        "span_recall": values["micro_recall"],
        "macro_span_f1": values["macro_f1"],
        "weighted_span_f1": values["weighted_f1"],
        **{name: known(value[:, 0]) for name, value in near.items()},
    }


def _column_items(numbered: pl.DataFrame, column: str, task: Task, keys: list[str]) -> pl.DataFrame:
    found = numbered.select("row", label=pl.col(column))
    if task.kind == "multilabel":
        found = found.explode("label")
    elif task.kind == "tagging":
        spans = found.explode("label").rename({"label": "span"}).drop_nulls("span")
        span = pl.col("span").struct
        found = spans.select(
            "row", start=span.field("start"), end=span.field("end"), label=span.field("label")
        )
    return found.drop_nulls("label").unique(keys, maintain_order=True).select(keys)
