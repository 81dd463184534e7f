"""The base class of every kind's acquisition functions.

Axes: R documents, N their words, K labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import polars as pl

from mgm.model.heads import Outcome
from mgm.tasks import Task

LABEL = "label"
"""The column of given labels in a table of predictions."""
DOUBTS_SCHEMA = {"row": pl.UInt32, "doubt": pl.Float64, "is_suspected": pl.Boolean}


class TaskAcquisition(ABC):
    """Measures of what the label of a document is worth, for tasks of one kind.

    Each is larger for a document that is worth more. `task` carries its label space.

    Source: Settles 2009, Active Learning Literature Survey, sections 3.1 (uncertainty) and 3.2 (committees).
    """

    with_probs: ClassVar[bool] = True
    """Whether `doubts` reads the probabilities of all labels."""

    @abstractmethod
    def uncertainty(
        self, outcome: Outcome, task: Task, *, temperature: np.ndarray, word_count: np.ndarray
    ) -> np.ndarray | None:
        """Return how unsure the model is of each document (R,); None for a kind without probabilities.

        Args:
            outcome: the predictions.
            task: the task.
            temperature: the divisor of the logits that calibrates them: one number, or one a label (K,).
            word_count: the number of words of each document (R,).
        """

    @abstractmethod
    def disagreement(self, deep: Outcome, wide: Outcome, *, task: Task, word_count: np.ndarray) -> np.ndarray:
        """Return how far the predictions of the model's two parts are from each other (R,)."""

    def predicted_class(self, predicted: pl.DataFrame, task: Task) -> pl.Series | None:
        """Return the class that each document is predicted to be of; None for a kind without one class a document.

        Args:
            predicted: the columns of the predictions table.
            task: the task.
        """
        return None

    @abstractmethod
    def doubts(self, predicted: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return the documents whose label may be wrong, the most doubtful first: `DOUBTS_SCHEMA`.

        Args:
            predicted: the predictions table of documents that all have a label, in the column `LABEL`.
            task: the task.

        Returns:
            The row of `predicted`, the doubt, and whether it is so large that the label is suspected to be wrong.
        """


def sort_doubts(
    doubt: np.ndarray, is_suspected: np.ndarray, *, first: Sequence[int] | np.ndarray = ()
) -> pl.DataFrame:
    """Return doubts (R,) as `TaskAcquisition.doubts` does: suspected labels first, among them those in `first`, then by doubt.

    Args:
        doubt: the doubts.
        is_suspected: whether a label is suspected.
        first: rows of suspected labels, in their order.
    """
    place = np.full(len(doubt), len(first))
    place[np.asarray(first, np.int64)] = np.arange(len(first))
    rows = pl.DataFrame(
        {"row": np.arange(len(doubt)), "doubt": doubt, "is_suspected": is_suspected}, schema=DOUBTS_SCHEMA
    )
    order = np.lexsort((np.arange(len(doubt)), -doubt, place, ~is_suspected))
    return rows[order]


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the Jensen-Shannon divergence of distributions over the last axis, in [0, 1].

    Source: Lin 1991, Divergence measures based on the Shannon entropy.
    """
    return np.maximum(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0)


def entropy(p: np.ndarray) -> np.ndarray:
    """Return the entropy over the last axis in bits."""
    return -(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1)
