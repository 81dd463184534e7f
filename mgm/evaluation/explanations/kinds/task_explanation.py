"""The base class of every kind's explanation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.evaluation.explanations.label_issues import LabelIssues
from mgm.evaluation.explanations.target import ChosenPrediction, ExplainedPrediction, Target
from mgm.evaluation.explanations.wide_contributions import wide_contributions
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.tasks import Task

PREDICTION_COLUMNS = (
    "corpus",
    "doc_id",
    "group",
    "lang",
    "label",
    "start",
    "end",
    "predicted",
    "true",
    "score",
    "right",
)
"""The columns of `TaskExplanation.predictions`."""


class TaskExplanation(ABC):
    """Explanations of the predictions of tasks of one kind.

    `task` carries its label space. Batches hold one document, or versions of one.

    Axes: B versions of a document, N its words, K outputs.
    """

    why_no_label_issues: ClassVar[str | None] = None
    """A sentence with the reason why labels are not searched for issues; None where they are."""

    @abstractmethod
    def predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return every prediction on labelled rows of a predictions frame with a column corpus.

        Returns:
            corpus, doc_id, group, lang, label (null for a number), start and end (null but for spans), predicted and true in
            words, score (of a number: its error), right.
        """

    def choose_prediction(
        self, predicted: Mapping[str, Any], task: Task, *, label: str | None
    ) -> ChosenPrediction | None:
        """Return the prediction on one document that is explained.

        Here it is the most probable label, or the given one, whether it was predicted or not.

        Args:
            predicted: the document's row of the predictions table, with the probabilities of all labels.
            task: the task, with its label space.
            label: a label of the task; None: the most confident prediction.

        Returns:
            None where the document has no such prediction.
        """
        probabilities = dict(zip(task.labels, predicted[task.columns.probs], strict=True))
        chosen = max(probabilities, key=probabilities.__getitem__) if label is None else label
        return ChosenPrediction(label=chosen, score=probabilities[chosen])

    @abstractmethod
    def make_target(
        self, network: Network, batch: Batch, *, task: Task, prediction: ExplainedPrediction
    ) -> Target:
        """Return the weighted sum of the outputs that is explained for a prediction."""

    @torch.no_grad()
    def scores(
        self, network: Network, batch: Batch, *, task: Task, target: Target, span_BN: Tensor | None = None
    ) -> Tensor:
        """Return the score (B,) of the prediction in each version of the document, which deleted words move.

        Args:
            network: the network, in evaluation mode.
            batch: the versions.
            task: the task, with its label space.
            target: the target of the prediction.
            span_BN: whether a word of each version is in the span.
        """
        decoded = network.heads[task.name].decode(network(batch)[task.name], batch)
        assert isinstance(decoded, Tensor)
        return decoded[:, target.index]

    def wide_contributions(
        self, network: Network, batch: Batch, *, task: Task, target: Target
    ) -> Tensor | None:
        """Return the contribution (N,) of each word to the target through the wide part's outputs; None where that part is off."""
        if network.wide is None:
            return None
        return wide_contributions(
            network.wide, batch, task=task.name, coefficients_BK=target.coefficients.view(1, -1)
        )

    def direction(self, contribution: float) -> float:
        """Return the sign of the direction in which words push the score, by the sum of their contributions."""
        return 1.0

    def label_issues(self, probabilities_DK: np.ndarray, labels: pl.Series, *, task: Task) -> LabelIssues:
        """Return the labels (D,) that may be wrong; rows with a label that training never saw are left out.

        Only called where `why_no_label_issues` is None.
        """
        raise NotImplementedError(f"task {task.name}: labels of kind {task.kind} are not searched")
