"""A set of labels a document.

Axes: B documents, R rows of a part, K labels, D width.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch, flatten_lists
from mgm.model.calibration import Temperatures, calibrate_labels
from mgm.model.heads.head import Head, mix_targets
from mgm.model.heads.outcome import (
    Columns,
    ColumnTypes,
    Outcome,
    label_ids,
    list_column,
    probability_column,
    probability_matrix,
)
from mgm.model.rounding import round_scores
from mgm.model.thresholds import Thresholds, untuned
from mgm.tasks import Task
from mgm.text.list_columns import flatten, lengths, row_ids, unflatten


class MultilabelHead(Head):
    """A probability for each label; binary cross-entropy, summed over the labels: the document's likelihood.

    Targets: (B,K) float32, NaN where a document is not labelled. Labels are not smoothed: most are absent from most
    documents, and smoothing would call each a little present.
    """

    def __init__(self, width: int, labels: Sequence[str]) -> None:
        super().__init__(width, labels)
        self.logits = nn.Linear(width, len(labels))

    @classmethod
    def gather_targets(cls, column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
        """Return (B,K) float32: 1 for a document's labels, 0 for the others, NaN where it is not labelled."""
        values, count = flatten_lists(column)
        fill = np.where(column.is_not_null().to_numpy()[:, None], np.float32(0), np.float32("nan"))
        dense = fill * np.ones((1, len(task.labels)), np.float32)
        dense[np.repeat(np.arange(len(column)), count), values] = 1
        return torch.from_numpy(dense)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (B,K) logits."""
        return self.logits(vectors)

    @property
    def output_layer(self) -> nn.Linear | None:
        """The layer of `forward`; None: a subclass has another one."""
        return self.logits if type(self).forward is MultilabelHead.forward else None

    def loss(self, output: Tensor, target: Tensor, *, batch: Batch, smoothing: float) -> Tensor | None:
        """Return the mean over labelled documents of their binary cross-entropy, summed over the labels."""
        labelled = ~target.isnan().any(1)
        if not labelled.any():
            return None
        loss = F.binary_cross_entropy_with_logits(output[labelled], target[labelled], reduction="none")
        return loss.sum(1).mean()

    def distillation_loss(
        self,
        output: Tensor,
        target: Tensor,
        *,
        teacher: Tensor,
        batch: Batch,
        label_weight: float,
        smoothing: float,
    ) -> Tensor | None:
        """Return the loss against the mixed probabilities; see `Head`."""
        mixed = mix_targets(target, teacher, label_weight=label_weight)
        return self.loss(output, mixed, batch=batch, smoothing=smoothing)

    def decode(self, output: Tensor, batch: Batch) -> Tensor:
        """Return (B,K) probabilities."""
        return output.sigmoid()

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Set the bias to each label's log odds, after one more document with it and one without."""
        known = targets[~targets.isnan().any(1)].to(self.logits.bias)
        self.logits.bias.copy_(((known.sum(0) + 1) / (known.shape[0] + 2)).logit())

    @classmethod
    def prediction_columns(
        cls,
        task: Task,
        outcome: Outcome,
        *,
        documents: pl.DataFrame,
        thresholds: Thresholds | None,
        with_probs: bool,
    ) -> Columns:
        """Return the labels at or above their thresholds and the probability of each, as parallel lists."""
        assert isinstance(outcome, np.ndarray)
        chosen = outcome >= (thresholds or untuned(len(task.labels))).values
        count = chosen.sum(axis=1)
        label = pl.Series(task.labels, dtype=pl.String).gather(np.nonzero(chosen)[1])
        columns = {
            task.columns.prediction: list_column(label, count),
            task.columns.score: list_column(pl.Series(round_scores(outcome[chosen])), count),
        }
        return columns | (probability_column(task, outcome) if with_probs else {})

    @classmethod
    def answer_columns(
        cls,
        task: Task,
        predictions: pl.DataFrame,
        *,
        temperatures: Temperatures | None,
        min_score: float | None,
    ) -> Columns:
        """Return the labels that reach the least score, null where none of some does, and the calibrated probabilities."""
        columns: Columns = {}
        label, count = (
            flatten(predictions[task.columns.prediction]),
            lengths(predictions[task.columns.prediction]),
        )
        score, row = flatten(predictions[task.columns.score]), row_ids(count)
        given = score
        if temperatures is not None:
            probs = calibrate_labels(probability_matrix(predictions, task), temperatures)
            given = pl.Series(probs[row, label_ids(label, task)])
            columns |= probability_column(task, probs)
        is_sure = np.ones(len(label), bool)
        if min_score is not None:
            is_sure = (score >= float(np.float32(min_score))).to_numpy()
        kept = np.bincount(row[is_sure], minlength=len(count))
        has_answer = (kept > 0) | (count == 0)
        for column, values in ((task.columns.prediction, label), (task.columns.score, given)):
            columns[column] = unflatten(values.filter(is_sure), kept, name=column, valid=has_answer)
        return columns

    @classmethod
    def prediction_schema(cls, task: Task, *, with_probs: bool) -> ColumnTypes:
        """Return the columns of prediction and score, with `with_probs` also of probabilities."""
        types = {task.columns.prediction: pl.List(pl.String), task.columns.score: pl.List(pl.Float32)}
        return types | ({task.columns.probs: pl.List(pl.Float32)} if with_probs else {})
