"""Items of a prediction: a label, or a span with its exact bounds and label. Precision, recall and F1 count items.

Axes: R resamples, D documents, K labels.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from mgm.evaluation.sufficient_statistics import Sums, mean_defined, ratio


@dataclass(frozen=True, kw_only=True)
class ItemCounts:
    """The counts of items by label, summed over documents, (R, K) each."""

    true_positive: np.ndarray
    false_positive: np.ndarray
    false_negative: np.ndarray

    @property
    def support(self) -> np.ndarray:
        """The number of true items of each label."""
        return self.true_positive + self.false_negative

    @property
    def predicted(self) -> np.ndarray:
        """The number of predicted items of each label."""
        return self.true_positive + self.false_positive

    @property
    def precision(self) -> np.ndarray:
        """The precision of each label, nan where it was never predicted."""
        return ratio(self.true_positive, self.predicted)

    @property
    def recall(self) -> np.ndarray:
        """The recall of each label, nan where it never occurs."""
        return ratio(self.true_positive, self.support)

    @property
    def f1(self) -> np.ndarray:
        """The F1 of each label, nan where it neither occurs nor was predicted."""
        return ratio(2 * self.true_positive, self.predicted + self.support)

    def pool(self, labels: np.ndarray | slice = slice(None)) -> "ItemCounts":
        """Return the counts (R, 1) of all labels together, or of some by their ids."""
        return ItemCounts(
            true_positive=self.true_positive[:, labels].sum(1, keepdims=True),
            false_positive=self.false_positive[:, labels].sum(1, keepdims=True),
            false_negative=self.false_negative[:, labels].sum(1, keepdims=True),
        )


@dataclass(frozen=True, kw_only=True)
class Items:
    """The items of a task's labelled documents, counted.

    Attributes:
        labels: the labels of the columns: the label space of training, then labels that training never saw.
        num_trained: the size of the label space of training.
        documents: (D, 2 + 3K) sparse, or more columns; 1, whether all items are right, then of each label the true positives,
            false positives and false negatives. A kind may add further blocks of K columns.
    """

    labels: list[str]
    num_trained: int
    documents: sparse.csr_array

    def counts(self, sums: Sums) -> ItemCounts:
        """Return the exact matches by label."""
        return ItemCounts(
            true_positive=self.block(sums, 0),
            false_positive=self.block(sums, 1),
            false_negative=self.block(sums, 2),
        )

    def block(self, sums: Sums, number: int) -> np.ndarray:
        """Return the n-th block (R, K) of the sums, counted from 0."""
        k = len(self.labels)
        return sums[:, 2 + number * k : 2 + (number + 1) * k]

    def has_true_item(self, labels: np.ndarray) -> np.ndarray:
        """Return which documents (D,) have a true item of one of these labels, given by their ids."""
        false_negatives = 2 * len(self.labels)
        columns = np.concatenate([2 + labels, 2 + false_negatives + labels])
        return np.asarray(self.documents[:, columns].sum(axis=1)).ravel() > 0


def averaged_metrics(items: Items, sums: Sums) -> dict[str, np.ndarray]:
    """Return micro, macro and weighted averages of F1, precision and recall, and `exact_match`, as scikit-learn defines them.

    Macro averages are over the labels of training that occur in truth or prediction. `exact_match` is the share of documents
    with every item right.
    """
    counts, num_documents = items.counts(sums), sums[:, 0]
    pooled, weight = counts.pool(), counts.support
    trained = slice(0, items.num_trained)
    occurs = (counts.predicted + counts.support)[:, trained] > 0
    values: dict[str, np.ndarray] = {}
    for name in ("f1", "precision", "recall"):
        by_label = getattr(counts, name)
        values[f"micro_{name}"] = zero_if_undefined(getattr(pooled, name)[:, 0], num_documents)
        values[f"macro_{name}"] = mean_defined(by_label[:, trained], occurs)
        values[f"weighted_{name}"] = ratio((np.nan_to_num(by_label) * weight).sum(1), weight.sum(1))
    return values | {"exact_match": ratio(sums[:, 1], num_documents)}


def zero_if_undefined(values: np.ndarray, num_documents: np.ndarray) -> np.ndarray:
    """Return values (R,) with 0 / 0 as 0 where there are documents, as in scikit-learn, and nan where there are none."""
    return np.where(num_documents > 0, np.nan_to_num(values), np.nan)
