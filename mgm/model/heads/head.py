"""The base of prediction heads, one a kind of task, and their registry.

Axes: B documents, N words, R rows of a part, K labels, O outputs, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.calibration import Temperatures
from mgm.model.generation.beam_search import BeamOutput
from mgm.model.heads.outcome import Columns, ColumnTypes, Outcome
from mgm.model.thresholds import Thresholds
from mgm.tasks import KindRegistry, Task


class Tagged(NamedTuple):
    """The BIO ids of N words, int64, and the probability of each, float32."""

    tags: Tensor
    score: Tensor


Decoded = Tensor | Tagged | BeamOutput
"""The outputs of one task for a batch, decoded: probabilities (B,K), values (B,), tags, or texts."""


class Head(nn.Module, ABC):
    """A module from the vectors that a task reads to its outputs, with their loss and their predictions.

    A kind of task is one subclass, registered in `HEADS`; its class methods treat the kind's labels and predictions, which
    need no weights. The methods that are not abstract suit a kind with a label space and one vector a document.
    """

    def __init__(self, width: int, labels: Sequence[str]) -> None:
        """Make the head of a task with this label space, which reads vectors of this width."""
        super().__init__()

    @classmethod
    @abstractmethod
    def gather_targets(cls, column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
        """Return the targets that a task's encoded column holds, shaped as `loss` expects them.

        Args:
            column: labels as numbers, a row a document; null: not labelled.
            task: the task, with its label space.
            word_count: (B,) the words of each document.
        """

    @classmethod
    def num_outputs(cls, task: Task) -> int:
        """Return the number of outputs of a document or a word; the wide part has one column for each."""
        return len(task.labels)

    @abstractmethod
    def forward(self, vectors: Tensor) -> Tensor:
        """Return the outputs for vectors (B,D) of documents or (N,D) of words."""

    @property
    def output_layer(self) -> nn.Linear | None:
        """The linear layer that is all of `forward`, whose outputs `reshape_wide` shapes; None: `forward` is more than a layer."""
        return None

    def reshape_wide(self, logits_BO: Tensor) -> Tensor:
        """Return the outputs of the wide part or of `output_layer`, shaped as those of `forward`."""
        return logits_BO

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor, *, batch: Batch, smoothing: float) -> Tensor | None:
        """Return the mean loss, a scalar, over the labelled items; None where there are none."""

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
        """Return the mean loss, a scalar, against the mix of labels and a teacher's predictions; None where neither is.

        Args:
            output: the result of `forward`.
            target: the labels, as in `loss`.
            teacher: probabilities (B,K) or values (B,); NaN where there are none.
            batch: the documents.
            label_weight: the share of a label where a teacher has a prediction too.
            smoothing: label smoothing.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot learn from a teacher")

    def decode(self, output: Tensor, batch: Batch) -> Decoded:
        """Return the decoded predictions of outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no outputs to decode")

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Initialise the head from the targets of the training split, shaped as `Batch.targets`."""

    @torch.no_grad()
    def add_logit_bias(self, logits_K: Tensor) -> None:
        """Add `logits_K` (K,) to the outputs, for every document."""
        raise NotImplementedError(f"{type(self).__name__} has no logits of exclusive labels")

    @torch.no_grad()
    def scale_outputs(self, factor: float) -> None:
        """Multiply the outputs by a factor, for every document."""
        for parameter in self.parameters():
            parameter.mul_(factor)

    @torch.no_grad()
    def merge_wide(self, share: float) -> None:
        """Take part in a mean of branches in which the wide one has this share, in place of half."""
        self.scale_outputs(2 * (1 - share))

    @classmethod
    def empty_outcome(cls, task: Task, *, num_rows: int, num_words: int) -> Outcome:
        """Return an outcome of `num_rows` rows, with `num_words` words in all, for `store` to fill."""
        return np.zeros((num_rows, len(task.labels)), np.float32)

    @classmethod
    def store(
        cls, outcome: Outcome, decoded: Decoded, *, task: Task, rows: np.ndarray, words: np.ndarray
    ) -> None:
        """Write the predictions of a batch into an outcome.

        Args:
            outcome: the result of `empty_outcome`.
            decoded: the predictions of B documents.
            task: the task.
            rows: (B,) the places of the documents in the outcome.
            words: (N,) the places of their words.
        """
        assert isinstance(outcome, np.ndarray) and isinstance(decoded, Tensor)
        outcome[rows] = decoded.float().cpu().numpy()

    @classmethod
    @abstractmethod
    def prediction_columns(
        cls,
        task: Task,
        outcome: Outcome,
        *,
        documents: pl.DataFrame,
        thresholds: Thresholds | None,
        with_probs: bool,
    ) -> Columns:
        """Return the task's columns of the predictions table, as `prediction_schema` types them.

        Args:
            task: the task, with its label space.
            outcome: the decoded outcome of the R documents.
            documents: their features.
            thresholds: the tuned thresholds of the task; None: there are none.
            with_probs: whether the probabilities of all labels are wanted.
        """

    @classmethod
    def answer_columns(
        cls,
        task: Task,
        predictions: pl.DataFrame,
        *,
        temperatures: Temperatures | None,
        min_score: float | None,
    ) -> Columns:
        """Return those columns of predictions that calibration or a least score changes, of a kind with probabilities.

        Args:
            task: the task, with its label space.
            predictions: the columns of `prediction_columns`, with the probabilities where there are temperatures.
            temperatures: what the scores are divided by; None: nothing.
            min_score: the score before it is divided, below which there is no answer; None: there is always one.
        """
        raise NotImplementedError(f"{cls.__name__} has no probabilities")

    @classmethod
    @abstractmethod
    def prediction_schema(cls, task: Task, *, with_probs: bool) -> ColumnTypes:
        """Return the names and types of the task's columns of the predictions table."""


def mix_targets(label: Tensor, teacher: Tensor, *, label_weight: float) -> Tensor:
    """Return label_weight * label + (1 - label_weight) * teacher; where only one is there, that one; NaN where neither is.

    Source: Clark et al. 2019, arXiv:1907.04829 (BAM), equation of teacher annealing.
    """
    both = torch.lerp(teacher, label, label_weight)
    return torch.where(label.isnan(), teacher, torch.where(teacher.isnan(), label, both))


HEADS: KindRegistry[type[Head]] = KindRegistry("prediction head")
"""The head of each kind of task."""
