"""A number a document; ordinal scales too.

Axes: B documents, R rows of a part, D width.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.heads.head import Head, mix_targets
from mgm.model.heads.outcome import Columns, ColumnTypes, Outcome
from mgm.model.rounding import round_scores
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task


class RegressionHead(Head):
    """Linear on the standardised scale; smooth L1 loss, which one far-off rating cannot dominate.

    Targets: (B,) float32, NaN where a document is not labelled.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, labels: Sequence[str] = ()) -> None:
        super().__init__(width, labels)
        self.value = nn.Linear(width, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    @classmethod
    def gather_targets(cls, column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
        """Return the values (B,) in the task's units."""
        return torch.from_numpy(column.cast(pl.Float32).fill_null(float("nan")).to_numpy().astype(np.float32))

    @classmethod
    def num_outputs(cls, task: Task) -> int:
        """Return 1."""
        return 1

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (B,) values in standard deviations from the mean."""
        return self.value(vectors)[:, 0]

    @property
    def output_layer(self) -> nn.Linear | None:
        """The layer of `forward`; None: a subclass has another one."""
        return self.value if type(self).forward is RegressionHead.forward else None

    def reshape_wide(self, logits_BO: Tensor) -> Tensor:
        """Return the only column (B,)."""
        return logits_BO[:, 0]

    def loss(self, output: Tensor, target: Tensor, *, batch: Batch, smoothing: float) -> Tensor | None:
        """Return the mean smooth L1 loss of labelled documents; None where there are none."""
        labelled = ~target.isnan()
        if not labelled.any():
            return None
        return F.smooth_l1_loss(output[labelled], (target[labelled] - self.mean) / self.deviation)

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
        """Return the loss against the mixed values; see `Head`."""
        mixed = mix_targets(target, teacher, label_weight=label_weight)
        return self.loss(output, mixed, batch=batch, smoothing=smoothing)

    def decode(self, output: Tensor, batch: Batch) -> Tensor:
        """Return (B,) values in the task's units."""
        return output * self.deviation + self.mean

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Store the labelled targets' mean and standard deviation; a constant keeps the deviation 1."""
        known = targets[~targets.isnan()].double()
        if known.numel():
            spread = known.std(correction=0)
            self.mean.copy_(known.mean())
            self.deviation.copy_(spread if spread > 0 else torch.ones(()))

    @classmethod
    def empty_outcome(cls, task: Task, *, num_rows: int, num_words: int) -> Outcome:
        """Return zeros (R,)."""
        return np.zeros(num_rows, np.float32)

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
        """Return the values."""
        assert isinstance(outcome, np.ndarray)
        return {task.columns.prediction: pl.Series(round_scores(outcome), dtype=pl.Float32)}

    @classmethod
    def prediction_schema(cls, task: Task, *, with_probs: bool) -> ColumnTypes:
        """Return the column of the prediction alone."""
        return {task.columns.prediction: pl.Float32()}
