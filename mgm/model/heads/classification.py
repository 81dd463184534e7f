"""One label a document.

Axes: B documents, R rows of a part, K labels, D width.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.calibration import Temperatures, calibrate_classes
from mgm.model.heads.head import Head, mix_targets
from mgm.model.heads.outcome import (
    Columns,
    ColumnTypes,
    Outcome,
    label_ids,
    probability_column,
    probability_matrix,
)
from mgm.model.rounding import round_scores
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task


class ClassificationHead(Head):
    """Softmax over the labels; cross-entropy with label smoothing. Targets: (B,) int64."""

    def __init__(self, width: int, labels: Sequence[str]) -> None:
        super().__init__(width, labels)
        self.logits = nn.Linear(width, len(labels))

    @classmethod
    def gather_targets(cls, column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
        """Return label ids (B,); NO_LABEL also for -1, a label that training never saw, which teaches nothing."""
        ids = column.fill_null(NO_LABEL).to_numpy().astype(np.int64)
        return torch.from_numpy(np.where(ids < 0, NO_LABEL, ids))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (B,K) logits."""
        return self.logits(vectors)

    @property
    def output_layer(self) -> nn.Linear | None:
        """The layer of `forward`; None: a subclass has another one."""
        return self.logits if type(self).forward is ClassificationHead.forward else None

    def loss(self, output: Tensor, target: Tensor, *, batch: Batch, smoothing: float) -> Tensor | None:
        """Return the mean cross-entropy of labelled documents; None where there are none."""
        if not (target != NO_LABEL).any():
            return None
        return F.cross_entropy(output, target, ignore_index=NO_LABEL, label_smoothing=smoothing)

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
        """Return the mean cross-entropy against the mixed distributions; see `Head`."""
        label = F.one_hot(target.clamp(min=0), output.shape[1]).to(output)
        label = label * (1 - smoothing) + smoothing / output.shape[1]
        label[target == NO_LABEL] = torch.nan
        goal = mix_targets(label, teacher, label_weight=label_weight)
        known = ~goal.isnan().any(1)
        return F.cross_entropy(output[known], goal[known]) if known.any() else None

    def decode(self, output: Tensor, batch: Batch) -> Tensor:
        """Return (B,K) probabilities."""
        return output.softmax(1)

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Set the bias to the log of each label's share, with one added to every count."""
        labels = self.logits.out_features
        count = torch.bincount(targets[targets != NO_LABEL], minlength=labels).to(self.logits.bias) + 1
        self.logits.bias.copy_((count / count.sum()).log())

    @torch.no_grad()
    def add_logit_bias(self, logits_K: Tensor) -> None:
        """Add `logits_K` (K,) to the logits, for every document."""
        self.logits.bias.add_(logits_K)

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
        """Return the most probable label and its probability, with `with_probs` also those of all labels."""
        assert isinstance(outcome, np.ndarray)
        best = outcome.argmax(axis=1)
        score = outcome[np.arange(len(best)), best]
        columns = {
            task.columns.prediction: pl.Series(task.labels, dtype=pl.String).gather(best),
            task.columns.score: pl.Series(round_scores(score)),
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
        """Return the label, null below the least score, and the calibrated probabilities; the score stays where there is no label."""
        columns: Columns = {}
        label = predictions[task.columns.prediction]
        if temperatures is not None:
            probs = calibrate_classes(probability_matrix(predictions, task), temperatures)
            columns[task.columns.score] = pl.Series(probs[np.arange(len(label)), label_ids(label, task)])
            columns |= probability_column(task, probs)
        if min_score is not None:
            is_sure = predictions[task.columns.score] >= float(np.float32(min_score))
            columns[task.columns.prediction] = label.set(~is_sure, None)
        return columns

    @classmethod
    def prediction_schema(cls, task: Task, *, with_probs: bool) -> ColumnTypes:
        """Return the columns of prediction and score, with `with_probs` also of probabilities."""
        types = {task.columns.prediction: pl.String(), task.columns.score: pl.Float32()}
        return types | ({task.columns.probs: pl.List(pl.Float32)} if with_probs else {})
