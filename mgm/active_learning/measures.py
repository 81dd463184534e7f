"""The measures of documents by a network: predictions, uncertainty, disagreement of its parts, and document vectors.

Axes: R documents, D width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.active_learning.kinds import TASK_ACQUISITIONS
from mgm.bundle.bundle import Bundle
from mgm.model.batch import Batch, cut_by_tokens, flat_positions
from mgm.model.collate import collate
from mgm.model.decode import TOKENS_PER_BATCH
from mgm.model.heads import HEADS, Outcome
from mgm.model.network import Network, mean_of_branches
from mgm.model.thresholds import Thresholds
from mgm.tasks import Task
from mgm.text.features import FeaturePart

UNCERTAINTY, DISAGREEMENT = "uncertainty", "disagreement"
PREDICTED_CLASS = "predicted_class"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measures of a part's documents.

    Attributes:
        table: a row a document: the columns of the predictions table (mgm/model/predict.py) without probabilities;
            `uncertainty` and `disagreement`, null where the kind or the network has none; `predicted_class`, null where the kind has
            no one class a document.
        outcome: the predictions.
    """

    table: pl.DataFrame
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """A network, and what turns its outputs for a task into measures.

    Attributes:
        network: the network, in evaluation mode.
        task: a task of it whose kind has acquisition functions.
        thresholds: the decision thresholds of kinds that have them.
        wide_weight: the wide branch's share (0..1) of the outputs.
        temperature: the divisor of the logits that calibrates them: one number, or one a label.
    """

    network: Network
    task: Task
    thresholds: Thresholds | None = None
    wide_weight: float = 0.5
    temperature: float | Sequence[float] = 1.0

    @classmethod
    def of(cls, bundle: Bundle, task: Task) -> "MeasuredModel":
        """Return the model of a bundle's task."""
        baseline = bundle.linear_baselines.get(task.name)
        calibration = (bundle.calibrations or {}).get(task.name)
        temperatures = None if calibration is None else calibration.temperatures
        return cls(
            network=bundle.network,
            task=task,
            thresholds=bundle.thresholds.get(task.name),
            wide_weight=0.5 if baseline is None else 1 / (2 * baseline.factor),
            temperature=1.0 if temperatures is None else temperatures.labels or temperatures.common,
        )

    def measure(self, part: FeaturePart) -> "Measured":
        """Return the predictions and the measures of a part's documents."""
        task, documents = self.task, part.documents
        word_count = documents["word"].list.len().to_numpy().astype(np.int64)
        acquisition = TASK_ACQUISITIONS[task.kind]
        both, members = self._outcomes(part, word_count)
        uncertainty = acquisition.uncertainty(
            both, task, temperature=np.asarray(self.temperature), word_count=word_count
        )
        disagreement = None
        if members:
            deep, wide = members
            disagreement = acquisition.disagreement(deep, wide, task=task, word_count=word_count)
        missing = pl.Series([None] * documents.height, dtype=pl.Float64)
        predicted = pl.DataFrame(self.prediction_columns(both, documents))
        predicted_class = acquisition.predicted_class(predicted, task)
        table = pl.DataFrame(
            {
                "doc_id": documents["doc_id"],
                **predicted.to_dict(),
                PREDICTED_CLASS: pl.Series([None] * documents.height, dtype=pl.String)
                if predicted_class is None
                else predicted_class,
                UNCERTAINTY: missing if uncertainty is None else uncertainty,
                DISAGREEMENT: missing if disagreement is None else disagreement,
            }
        )
        return Measured(table=table, outcome=both)

    def prediction_columns(
        self, outcome: Outcome, documents: pl.DataFrame, *, probs: bool = False
    ) -> dict[str, pl.Series]:
        """Return the columns of the predictions table for an outcome; `probs`: with the probabilities of all labels."""
        return HEADS[self.task.kind].prediction_columns(
            self.task, outcome, documents=documents, thresholds=self.thresholds, with_probs=probs
        )

    @torch.inference_mode()
    def vectors(self, part: FeaturePart) -> np.ndarray:
        """Return the document vectors (R,D) of unit length that the task's head reads."""
        found: list[tuple[np.ndarray, np.ndarray]] = []
        for rows, _, batch in batches(part):
            pooled, _ = self.network.encode(batch)
            vectors = self.network.fusion(pooled)[self.task.name].float().cpu().numpy()
            found.append((rows, vectors))
        if not found:
            return np.zeros((0, 1), np.float32)
        result = np.zeros((part.documents.height, found[0][1].shape[1]), np.float32)
        for rows, vectors in found:
            result[rows] = vectors
        return result / np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-9)

    @torch.inference_mode()
    def _outcomes(self, part: FeaturePart, word_count: np.ndarray) -> tuple[Outcome, list[Outcome]]:
        """Return the predictions of the network, and those of its deep and its wide branch where both have a say."""
        task, kind = self.task, HEADS[self.task.kind]
        assert not self.network.training, "dropout would change the predictions"
        sizes = {"num_rows": len(word_count), "num_words": int(word_count.sum())}
        both = kind.empty_outcome(task, **sizes)
        members: list[Outcome] = []
        head = self.network.heads[task.name]
        for rows, words, batch in batches(part):
            branches = self.network.branch_outputs(batch)
            outputs = [mean_of_branches(branches)[task.name], *self._member_outputs(branches)]
            if len(outputs) > 1 and not members:
                members = [kind.empty_outcome(task, **sizes) for _ in outputs[1:]]
            for outcome, output in zip([both, *members], outputs, strict=True):
                kind.store(outcome, head.decode(output, batch), task=task, rows=rows, words=words)
        return both, members

    def _member_outputs(self, branches: Sequence[dict[str, Tensor]]) -> list[Tensor]:
        """Return the outputs of both branches without the weights that their mean has; none where one branch decides alone."""
        outputs = [branch[self.task.name] for branch in branches if self.task.name in branch]
        if len(outputs) < 2 or not 0 < self.wide_weight < 1:
            return []
        return [outputs[0] / (2 * (1 - self.wide_weight)), outputs[1] / (2 * self.wide_weight)]


def batches(part: FeaturePart) -> Iterator[tuple[np.ndarray, np.ndarray, Batch]]:
    """Yield the rows of documents of similar length, the places of their words in the part, and their batch."""
    length = part.documents["word"].list.len().to_numpy().astype(np.int64)
    start = np.concatenate([[0], np.cumsum(length)])
    by_length = np.argsort(length, kind="stable")
    for rows in cut_by_tokens(by_length, length[by_length], tokens_per_batch=TOKENS_PER_BATCH):
        yield rows, flat_positions(start[rows], length[rows]), collate(part, rows)
