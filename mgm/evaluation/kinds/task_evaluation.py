"""The base class of every kind's evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import polars as pl

from mgm.evaluation.confidence import ClassPredictions, ScoredPredictions
from mgm.evaluation.sufficient_statistics import Statistics
from mgm.tasks import Task
from mgm.text.features import FeaturePart

BaselinePredictor = Callable[[FeaturePart], dict[str, pl.Series]]
"""Returns the columns of `TaskEvaluation.baseline_schema` for the documents of a part of features."""


class TaskEvaluation(ABC):
    """Evaluation of the predictions of tasks of one kind.

    `rows` is always a predictions frame (mgm/evaluation/predictions.py) of labelled documents with a prediction each; `task`
    carries its label space. A method that does not apply to a kind returns None.
    """

    slice_metric: ClassVar[str]
    """The metric that slices are compared by.

    A slice's own mix of classes or range of values must not move it, as it moves macro-F1 and Pearson's coefficient.
    """
    is_slice_metric_an_error: ClassVar[bool] = False
    """Whether less of the slice metric is better."""
    has_confusion_matrix: ClassVar[bool] = True
    """Whether confusions, where there are any, make a matrix."""

    @abstractmethod
    def statistics(self, rows: pl.DataFrame, task: Task) -> Statistics:
        """Return the sufficient statistics of the task's metrics, the most important metric first."""

    def ranking_statistics(self, rows: pl.DataFrame, task: Task) -> Statistics | None:
        """Return those of metrics of the ranking by probability; None without probabilities."""
        return None

    def num_unseen_labels(self, rows: pl.DataFrame, task: Task) -> int:
        """Return the number of true labels that training never saw; each counts as wrong."""
        return 0

    def prediction_columns(self, task: Task) -> list[str]:
        """Return the task's columns of a predictions frame; not every frame has all of them."""
        return [task.columns.prediction, task.columns.score, task.columns.probs, task.columns.label]

    def lacks_prediction(self, task: Task) -> pl.Expr:
        """Return an expression that is true where a row has no usable prediction."""
        return pl.col(task.columns.prediction).is_null()

    def majority_prediction(self, train_labels: pl.Series, task: Task) -> Any:
        """Return the best constant prediction by training's labels (nulls are ignored), blind to the text.

        A kind has either this or its own `predict_baselines`.

        Raises:
            ValueError: no training row is labelled for the task.
        """
        raise NotImplementedError(f"task {task.name}: tasks of kind {task.kind} have no majority")

    def predict_baselines(
        self, rows: pl.DataFrame, train_labels: pl.Series, *, task: Task
    ) -> dict[str, pl.DataFrame]:
        """Return the rows with the predictions of each baseline in place of the model's, by the baseline's name."""
        constant = pl.Series(
            task.columns.prediction, [self.majority_prediction(train_labels, task)], dtype=task.column_type
        )
        return {"majority": rows.with_columns(constant.new_from_index(0, rows.height))}

    def baseline_schema(self, task: Task) -> dict[str, pl.DataType]:
        """Return the columns of a predictions table that hold baselines made of the documents."""
        return {}

    def fit_baselines(self, parts: Sequence[FeaturePart], task: Task) -> BaselinePredictor:
        """Return what predicts the columns of `baseline_schema`, made of the training split of the task's corpora."""
        return lambda _: {}

    def class_predictions(self, rows: pl.DataFrame, task: Task) -> ClassPredictions | None:
        """Return the predictions that calibration is measured on; None where the task gives no probabilities."""
        return None

    def scored_predictions(self, rows: pl.DataFrame, task: Task) -> ScoredPredictions | None:
        """Return the predictions that coverage is measured on; None where the task gives no scores."""
        return None

    def confusions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame | None:
        """Return pairs of labels, right and wrong ones: row, actual, predicted, score, start, end.

        Score, start and end may be null.
        """
        return None

    def class_pairs(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame | None:
        """Return the columns actual and predicted, one row a document, where a document has one label."""
        return None

    def wrong_predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame | None:
        """Return all wrong predictions: doc_id, corpus, lang, predicted and true in words, score, start, end (of a span).

        The score is the model's confidence, or the error of a number.
        """
        return None


NO_OFFSETS = {"start": pl.lit(None, pl.Int32), "end": pl.lit(None, pl.Int32)}
"""The columns start and end of predictions of a whole document."""


def labelled_values(train_labels: pl.Series, task: Task) -> pl.Series:
    """Return training's labels without nulls.

    Raises:
        ValueError: no training row is labelled for the task.
    """
    values = train_labels.drop_nulls()
    if not len(values):
        raise ValueError(
            f"task {task.name}: no training row is labelled, so there is no majority to compare with"
        )
    return values


def label_frequencies(labels: pl.Series) -> pl.DataFrame:
    """Return label and count, the most frequent first, ties by name."""
    return (
        labels.alias("label")
        .to_frame()
        .group_by("label")
        .agg(count=pl.len())
        .sort(["count", "label"], descending=[True, False])
    )
