"""A teacher that is a linear model on the vectors of documents, fitted and asked fold by fold.

Axes: n training documents, D numbers of a vector, K columns of scores.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mgm.model.collate import gather_targets
from mgm.tasks import Task
from mgm.training.distillation.cross_fitting import (
    assign_folds,
    check_folds,
    combine_folds,
    has_labelled_group,
)
from mgm.training.kinds import TASK_TRAINING
from mgm.training.linear_models import LinearModel

CANDIDATE_CS = (10.0, 1.0, 100.0)
"""The weights of the errors that are tried, the first at a tie. A vector has a length of about 1."""
MAX_TUNED = 5_000
"""The number of documents that are tuned on at most, evenly over all: it bounds the time."""


@dataclass(frozen=True, kw_only=True)
class LinearTeacher:
    """The answers of a linear teacher.

    Attributes:
        scores: (n,K) the columns of a teacher's file.
        c: the weight of the errors.
        quality: the score of the answers for labelled documents, by the metric that models of the kind are chosen by.
    """

    scores: np.ndarray
    c: float
    quality: float


def teach_linear(
    vectors: np.ndarray, documents: pl.DataFrame, *, task: Task, num_folds: int
) -> LinearTeacher:
    """Return the cross-fitted answers of a linear model for training documents, with or without a label.

    Args:
        vectors: (n,D) of the documents.
        documents: `group` and the encoded labels of the task, null where a document has none.
        task: the task, with its label space.
        num_folds: the number of folds.

    Raises:
        ValueError: the labels are of too few groups to be cut into folds.
    """
    kind = TASK_TRAINING[task.kind]
    labels = documents[task.columns.label_ids]
    is_known = kind.is_known(labels)
    folds = assign_folds(documents["group"], num_folds)
    targets = gather_targets(labels, task, word_count=np.zeros(0, np.int64)).numpy()
    known = np.flatnonzero(is_known.to_numpy())
    check_folds(folds[known], num_folds, task=task.name)
    scaled = _standardize(vectors, known)
    chosen = known[np.linspace(0, len(known) - 1, min(len(known), MAX_TUNED)).astype(np.int64)]

    num_outputs = max(len(task.labels), 1)
    truth = kind.label_values(targets, num_outputs)

    def fit(rows: np.ndarray, fold: int, *, c: float) -> LinearModel:
        seen = rows[folds[rows] != fold]
        return kind.fit_dense(scaled[seen], targets[seen], num_outputs=num_outputs, c=c)

    def held_out_error(c: float) -> float:
        by_fold = [_outputs(fit(chosen, fold, c=c), scaled[chosen]) for fold in range(num_folds)]
        scores = combine_folds(by_fold, folds=folds[chosen], is_seen=np.ones(len(chosen), bool))
        # the student learns the probabilities, so that those have to be right, and not the decisions alone
        predictions = kind.teacher_predictions(scores, 1.0).reshape(truth[chosen].shape)
        return float(((predictions - truth[chosen]) ** 2).mean())

    c = min(CANDIDATE_CS, key=held_out_error)
    by_fold = [_outputs(fit(known, fold, c=c), scaled) for fold in range(num_folds)]
    scores = combine_folds(
        by_fold, folds=folds, is_seen=has_labelled_group(documents["group"], is_known)
    ).astype(np.float32)
    return LinearTeacher(scores=scores, c=c, quality=kind.score_outputs(scores[known], targets[known]))


def _outputs(model: LinearModel, vectors: np.ndarray) -> np.ndarray:
    return vectors @ model.weight.T + model.intercept


def _standardize(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the vectors with mean 0 and a mean square of 1 / D in these rows."""
    deviation = vectors[rows].std(axis=0)
    deviation[deviation == 0] = 1
    scaled = (vectors - vectors[rows].mean(axis=0)) / (deviation * np.sqrt(vectors.shape[1]))
    return scaled.astype(np.float32)
