"""The parts of training that depend on the kind of a task: validation, tuning, the solved wide part, and scores of teachers.

Axes: n documents, K labels, F n-grams.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from mgm.model.calibration import Calibration
from mgm.model.heads import Head, Outcome
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task
from mgm.training.data import PartRows
from mgm.training.linear_models import Features, LinearModel

LOGIT_PREFIX = "logit:"


class Pair(NamedTuple):
    """Predictions and truth of the labelled rows of a task, as its kind's `metric` reads them."""

    predicted: np.ndarray
    truth: np.ndarray


class TaskTraining(ABC):
    """The training of a kind of task. One subclass a kind, one instance of it in `TASK_TRAINING`."""

    is_tuned = False
    """Whether predictions depend on a decision that is tuned on validation."""

    @abstractmethod
    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return the first metric of a task."""

    def pair(self, outcome: Outcome, rows: PartRows, *, task: Task) -> Pair:
        """Return the predictions and labels of those of `rows` that have a label.

        Args:
            outcome: the predictions for all of `rows`, in their order.
            rows: rows of a part that has the task's labels.
            task: a task of this kind.
        """
        assert isinstance(outcome, np.ndarray)
        labels = rows.labels_of(task)
        return Pair(
            predicted=outcome[labels.is_not_null().to_numpy()],
            truth=self.truth(labels.drop_nulls(), len(task.labels)),
        )

    def truth(self, labels: pl.Series, num_labels: int) -> np.ndarray:
        """Return encoded labels without nulls as `metric` reads them."""
        return labels.to_numpy()

    def activate(self, outputs: np.ndarray) -> np.ndarray:
        """Return the predictions, as `metric` reads them, for a network's raw outputs."""
        return outputs

    def tune_thresholds(self, pair: Pair | None, num_labels: int) -> Thresholds | None:
        """Return the decision thresholds that suit the validation rows (None: there are none), for a kind that has such."""
        return None

    def tune_tau(self, pair: Pair | None, log_prior: np.ndarray) -> float | None:
        """Return the strength of the logit adjustment that suits the validation rows, for a kind that has such."""
        return None

    def calibrate(
        self, pair: Pair, *, thresholds: Thresholds | None, adjustment: np.ndarray | None
    ) -> Calibration | None:
        """Return what the validation rows say of the scores, for a kind with probabilities.

        Args:
            pair: the predictions before the logits are adjusted, and the labels.
            thresholds: those of the kind.
            adjustment: (K,) what is subtracted from the logits; None: nothing.
        """
        return None

    def log_prior(self, labels: pl.Series, num_labels: int) -> np.ndarray | None:
        """Return the log frequency (K,) of each class in encoded training labels, for a kind whose logits are adjusted."""
        return None

    def is_known(self, labels: pl.Series) -> pl.Series:
        """Return which rows have a label that training knows."""
        return labels.is_not_null()

    def solve_wide(
        self,
        features: Features,
        targets: np.ndarray,
        *,
        head: Head,
        num_outputs: int,
        c: float,
        is_scaled: bool,
    ) -> LinearModel:
        """Return the wide part's weights.

        Args:
            features: (n,F) TF-IDF values.
            targets: (n,) or (n,K), as in `Batch.targets`.
            head: the task's head.
            num_outputs: K.
            c: the inverse strength of the regularisation.
            is_scaled: whether n-grams are scaled by what they tell of the targets (mgm.training.ngram_scaling).
        """
        raise NotImplementedError(f"{type(self).__name__}: the wide part of this kind is not solved for")

    def fit_dense(
        self, vectors: np.ndarray, targets: np.ndarray, *, num_outputs: int, c: float
    ) -> LinearModel:
        """Return a linear model on the vectors (n,D) of labelled documents, whose outputs are the columns of a teacher's file.

        Args:
            vectors: (n,D) of the documents.
            targets: (n,) or (n,K), as in `Batch.targets`.
            num_outputs: K.
            c: the inverse strength of the regularisation.
        """
        raise NotImplementedError(f"{type(self).__name__}: this kind has no scores of documents")

    def label_values(self, targets: np.ndarray, num_outputs: int) -> np.ndarray:
        """Return labels (n,K) in the units of teachers' predictions, NaN where a document has none.

        Args:
            targets: (n,) or (n,K), as in `Batch.targets`.
            num_outputs: K.
        """
        return targets.reshape(len(targets), num_outputs)

    def soft_outputs(self, values: np.ndarray, *, head: Head) -> np.ndarray:
        """Return the outputs (n,K) of the wide part that these labels or predictions (n,K) ask for."""
        raise NotImplementedError(f"{type(self).__name__}: the wide part of this kind has no teachers")

    def score_outputs(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Return the score of raw outputs (n,K) or (n,), by which models and the weight of their mix are chosen; more is better."""
        return self.metric(Pair(predicted=self.activate(outputs), truth=targets), outputs.shape[1])

    def score_columns(self, task: Task) -> list[str]:
        """Return the columns of a teacher's file, in the order of the task's labels."""
        return [f"{LOGIT_PREFIX}{label}" for label in task.labels]

    def describe_score_columns(self, task: Task) -> str:
        """Return the expected columns in the words of an error."""
        return f"{LOGIT_PREFIX}<label> for each of its {len(task.labels)} labels"

    def scores(self, predictions: np.ndarray) -> npt.NDArray[np.float32]:
        """Return a network's predictions as the columns (n,K) of a teacher's file."""
        raise NotImplementedError(f"{type(self).__name__}: this kind has no scores of documents")

    def teacher_predictions(
        self, scores: npt.NDArray[np.float32], temperature: float
    ) -> npt.NDArray[np.float32]:
        """Return probabilities (n,K), or values (n,), for the columns of a teacher's file."""
        raise NotImplementedError(f"{type(self).__name__}: this kind has no scores of documents")

    def agreement(self, predictions: npt.NDArray[np.float32], labels: pl.Series) -> float | None:
        """Return the agreement of a teacher's predictions with encoded labels; None where that is undefined."""
        raise NotImplementedError(f"{type(self).__name__}: this kind has no scores of documents")
