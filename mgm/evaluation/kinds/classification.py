"""Evaluation of one label a document."""

import numpy as np
import polars as pl

from mgm.evaluation.confidence import ClassPredictions, ScoredPredictions
from mgm.evaluation.items import Items, averaged_metrics
from mgm.evaluation.kinds.item_evaluation import ItemEvaluation
from mgm.evaluation.kinds.task_evaluation import NO_OFFSETS, label_frequencies, labelled_values
from mgm.evaluation.sufficient_statistics import Sums
from mgm.model.calibration import log_probabilities
from mgm.model.heads.outcome import probability_matrix
from mgm.tasks import Task


class ClassificationEvaluation(ItemEvaluation):
    """Macro-F1 and accuracy; the prediction of a document is one class."""

    slice_metric = "accuracy"

    def explode(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        """See the base class."""
        return rows.select("row", label=pl.col(column))

    def label_occurrences(self, train_labels: pl.Series) -> pl.Series:
        """See the base class."""
        return train_labels.drop_nulls()

    def item_metrics(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """See the base class. Micro precision and recall, and weighted recall, are the accuracy."""
        values = averaged_metrics(items, sums)
        return {
            "macro_f1": values["macro_f1"],
            "accuracy": values["exact_match"],
            "macro_precision": values["macro_precision"],
            "macro_recall": values["macro_recall"],
            "micro_f1": values["micro_f1"],
            "weighted_f1": values["weighted_f1"],
            "weighted_precision": values["weighted_precision"],
        }

    def majority_prediction(self, train_labels: pl.Series, task: Task) -> str:
        """Return the most frequent class, the first by name at a tie."""
        return str(label_frequencies(labelled_values(train_labels, task))["label"][0])

    def class_predictions(self, rows: pl.DataFrame, task: Task) -> ClassPredictions | None:
        """Return the class of each document."""
        if task.columns.probs not in rows.columns:
            return None
        truth = self.truth_matrix(rows, task)
        label_ids = pl.Series(task.labels, dtype=pl.String).to_frame("label").with_row_index("id")
        predicted = rows.select(label=task.columns.prediction).join(
            label_ids, on="label", how="left", maintain_order="left"
        )
        return ClassPredictions(
            row=np.arange(rows.height),
            logits=log_probabilities(probability_matrix(rows, task)),
            target=np.where(truth[:, : len(task.labels)].any(1), truth.argmax(1), -1),
            predicted=predicted["id"].to_numpy().astype(np.int64),
        )

    def scored_predictions(self, rows: pl.DataFrame, task: Task) -> ScoredPredictions | None:
        """Return the class of each document."""
        if task.columns.score not in rows.columns:
            return None
        return ScoredPredictions(
            row=np.arange(rows.height),
            score=rows[task.columns.score].to_numpy().astype(np.float64),
            is_correct=(rows[task.columns.prediction] == rows[task.columns.label]).to_numpy(),
        )

    def confusions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return the true and the predicted class of each document."""
        score = task.columns.score
        return rows.with_row_index("row").select(
            "row",
            actual=task.columns.label,
            predicted=task.columns.prediction,
            score=pl.col(score) if score in rows.columns else pl.lit(None, pl.Float32),
            **NO_OFFSETS,
        )

    def class_pairs(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """See the base class."""
        return rows.select(actual=task.columns.label, predicted=task.columns.prediction)

    def wrong_predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return the wrong classes, with their probability."""
        name, truth = pl.col(task.columns.prediction), pl.col(task.columns.label)
        return rows.filter(name != truth).select(
            "doc_id", "corpus", "lang", predicted=name, true=truth, score=task.columns.score, **NO_OFFSETS
        )
