"""The head of a task that generates text: its parameters and loss. The decoder of all such tasks is mgm.model.generation.decoder.

Axes: B documents, R rows of a part, T places of a target, D width.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch, flat_positions, flatten_lists
from mgm.model.generation.beam_search import BeamOutput
from mgm.model.heads.head import Decoded, Head
from mgm.model.heads.outcome import Columns, ColumnTypes, Outcome, Texts
from mgm.model.rounding import round_scores
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task
from mgm.text.subwords import decode_pieces


class GenerationHead(Head):
    """The vector that a task's outputs begin with, and its loss: cross-entropy a subword, under teacher forcing.

    Targets: (B,T) int64 subwords, END and then NO_LABEL. Smoothing is towards all pieces that can be generated.
    The outputs are those of `PointerGeneratorDecoder.teacher_forced_log_probs`.
    """

    def __init__(self, width: int, labels: Sequence[str] = ()) -> None:
        super().__init__(width, labels)
        self.start = nn.Parameter(torch.randn(width))

    @classmethod
    def gather_targets(cls, column: pl.Series, task: Task, *, word_count: np.ndarray) -> Tensor:
        """Return the subwords (B,T) of each document's text, with T the length of the longest."""
        values, count = flatten_lists(column)
        rows = np.full((len(column), int(count.max(initial=0))), NO_LABEL, np.int64)
        rows[np.repeat(np.arange(len(column)), count), flat_positions(np.zeros_like(count), count)] = values
        return torch.from_numpy(rows)

    @classmethod
    def num_outputs(cls, task: Task) -> int:
        """Return 0: a wide part generates no text."""
        return 0

    def forward(self, vectors: Tensor) -> Tensor:
        """Raise: the outputs come from the decoder."""
        raise NotImplementedError("the outputs of a generation task come from the decoder")

    def loss(self, output: Tensor, target: Tensor, *, batch: Batch, smoothing: float) -> Tensor | None:
        """Return the mean cross-entropy of subwords; None where there is no target."""
        known = target[:, : output.shape[1]] != NO_LABEL
        if not known.any():
            return None
        log_prob, mean_log_prob = output[known].unbind(1)
        return -((1 - smoothing) * log_prob + smoothing * mean_log_prob).mean()

    @classmethod
    def empty_outcome(cls, task: Task, *, num_rows: int, num_words: int) -> Outcome:
        """Return empty texts (R,)."""
        return Texts(
            text=np.full(num_rows, "", object),
            score=np.zeros(num_rows, np.float32),
            truncated=np.zeros(num_rows, bool),
        )

    @classmethod
    def store(
        cls, outcome: Outcome, decoded: Decoded, *, task: Task, rows: np.ndarray, words: np.ndarray
    ) -> None:
        """Write the texts of a batch's documents into an outcome; see `Head`."""
        assert isinstance(outcome, Texts) and isinstance(decoded, BeamOutput)
        count = decoded.count.cpu()
        inside = torch.arange(decoded.ids.shape[1]) < count[:, None]
        ids = decoded.ids.cpu()[inside].numpy()
        outcome.text[rows] = decode_pieces(ids, count.numpy(), pieces=task.labels).to_numpy()
        outcome.score[rows] = decoded.score.float().cpu().numpy()
        outcome.truncated[rows] = decoded.truncated.cpu().numpy()

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
        """Return the texts, the mean log-probability of their subwords, and whether the decoder read only a part of the document."""
        assert isinstance(outcome, Texts)
        return {
            task.columns.prediction: pl.Series(outcome.text.tolist(), dtype=pl.String),
            task.columns.score: pl.Series(round_scores(outcome.score)),
            task.columns.truncated: pl.Series(outcome.truncated, dtype=pl.Boolean),
        }

    @classmethod
    def prediction_schema(cls, task: Task, *, with_probs: bool) -> ColumnTypes:
        """Return the columns of prediction, score and truncation."""
        return {
            task.columns.prediction: pl.String(),
            task.columns.score: pl.Float32(),
            task.columns.truncated: pl.Boolean(),
        }
