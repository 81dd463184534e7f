"""The base class of kinds that predict items: a class, labels of a set, spans.

Axes: R resamples, D documents, K labels.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl

from mgm.evaluation.items import Items
from mgm.evaluation.kinds.task_evaluation import TaskEvaluation
from mgm.evaluation.sufficient_statistics import Statistics, Sums, column_sums, sparse_counts
from mgm.tasks import Task


class ItemEvaluation(TaskEvaluation):
    """Evaluation of items: an item is right where one with the same `item_keys` is true."""

    item_keys: ClassVar[tuple[str, ...]] = ("row", "label")
    """The columns that make two items the same one."""
    label_intervals: ClassVar[Mapping[str, str]] = {"f1": ""}
    """The metrics by label that have an interval, each with the prefix of the keys low and high."""

    @abstractmethod
    def explode(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        """Return the items of a column of `rows`, which have a column row: the `item_keys`; labels may be null."""

    @abstractmethod
    def label_occurrences(self, train_labels: pl.Series) -> pl.Series:
        """Return every label of training's items, repeated as often as it occurs."""

    @abstractmethod
    def item_metrics(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """Return the task's metrics (R,) by name, the most important first."""

    def metrics_by_label(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """Return metrics by label (R, K), nan where undefined."""
        counts = items.counts(sums)
        return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}

    def further_blocks(self, matches: pl.DataFrame) -> list[np.ndarray]:
        """Return masks of `matches`, each counted by label in a further block of `Items.documents`."""
        return []

    def match(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return every true or predicted item once: `item_keys`, and whether it is `true`, whether `predicted`."""
        numbered, keys = rows.with_row_index("row"), list(self.item_keys)
        true, predicted = (
            self.explode(numbered, column).drop_nulls("label").unique(keys, maintain_order=True).select(keys)
            for column in (task.columns.label, task.columns.prediction)
        )
        return (
            true.with_columns(true=pl.lit(True))
            .join(
                predicted.with_columns(predicted=pl.lit(True)),
                on=keys,
                how="full",
                coalesce=True,
                maintain_order="left_right",
            )
            .with_columns(pl.col("true", "predicted").fill_null(False))
            .sort(keys)
        )

    def items(self, rows: pl.DataFrame, task: Task) -> Items:
        """Return the items of labelled rows, counted by document."""
        matches = self.match(rows, task)
        labels = [*task.labels, *unseen_labels(matches, task)]
        label_ids = pl.DataFrame(
            {"label": labels, "id": np.arange(len(labels))}, schema={"label": pl.String, "id": pl.Int64}
        )
        label = matches.join(label_ids, on="label", how="left", maintain_order="left")["id"].to_numpy()
        row = matches["row"].to_numpy().astype(np.int64)
        true, predicted = matches["true"].to_numpy(), matches["predicted"].to_numpy()
        is_exact = np.ones(rows.height, bool)
        is_exact[row[true != predicted]] = False
        every = np.arange(rows.height)
        block = np.where(true & predicted, 0, np.where(predicted, 1, 2))
        cells = [(every, np.zeros_like(every)), (every[is_exact], np.ones(int(is_exact.sum()), np.int64))]
        cells.append((row, 2 + block * len(labels) + label))
        further = self.further_blocks(matches)
        cells += [
            (row[mask], 2 + number * len(labels) + label[mask]) for number, mask in enumerate(further, 3)
        ]
        documents = sparse_counts(
            np.concatenate([rows_ for rows_, _ in cells]),
            np.concatenate([columns for _, columns in cells]),
            shape=(rows.height, 2 + (3 + len(further)) * len(labels)),
        )
        return Items(labels=labels, num_trained=len(task.labels), documents=documents)

    def statistics(self, rows: pl.DataFrame, task: Task) -> Statistics:
        """See the base class."""
        items = self.items(rows, task)
        return Statistics(documents=items.documents, metrics=lambda sums: self.item_metrics(items, sums))

    def num_unseen_labels(self, rows: pl.DataFrame, task: Task) -> int:
        """See the base class."""
        return self.match(rows, task).filter("true").filter(~pl.col("label").is_in(list(task.labels))).height

    def label_table(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return a row a label, in training's order, then labels that training never saw.

        The columns are label, seen (in training), support, predicted, correct, and those of `metrics_by_label`, null where
        undefined.
        """
        items = self.items(rows, task)
        sums = column_sums(items.documents)
        counts, metrics = items.counts(sums), self.metrics_by_label(items, sums)
        columns = {
            "label": pl.Series(items.labels, dtype=pl.String),
            "seen": np.arange(len(items.labels)) < items.num_trained,
            "support": counts.support[0].astype(np.int64),
            "predicted": counts.predicted[0].astype(np.int64),
            "correct": counts.true_positive[0].astype(np.int64),
        }
        return pl.DataFrame(columns | {name: values[0] for name, values in metrics.items()}).with_columns(
            pl.col(*metrics).fill_nan(None)
        )

    def truth_matrix(self, rows: pl.DataFrame, task: Task) -> np.ndarray:
        """Return which labels each document has, (D, K) bool; the label space first, then labels that training never saw."""
        true = self.match(rows, task).filter("true")
        labels = [*task.labels, *unseen_labels(true, task)]
        matrix = np.zeros((rows.height, len(labels)), bool)
        if true.height:
            ids = {label: number for number, label in enumerate(labels)}
            column = true["label"].replace_strict(ids, return_dtype=pl.Int64)
            matrix[true["row"].to_numpy(), column.to_numpy()] = True
        return matrix


def unseen_labels(items: pl.DataFrame, task: Task) -> pl.Series:
    """Return the labels of items that training never saw, sorted."""
    return items.filter(~pl.col("label").is_in(list(task.labels)))["label"].unique().sort()
