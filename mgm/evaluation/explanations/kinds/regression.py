"""Explanation of a predicted number: the target and the score are the value in the task's units."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import torch
from torch import Tensor

from mgm.evaluation.explanations.kinds.task_explanation import PREDICTION_COLUMNS, TaskExplanation
from mgm.evaluation.explanations.target import ChosenPrediction, ExplainedPrediction, Target
from mgm.evaluation.kinds.task_evaluation import NO_OFFSETS
from mgm.model.batch import Batch
from mgm.model.heads import RegressionHead
from mgm.model.network import Network
from mgm.tasks import Task

CLOSEST_SHARE = 0.25
"""The share of predictions with the smallest differences, which count as right."""


class RegressionExplanation(TaskExplanation):
    """The predicted value."""

    why_no_label_issues = (
        "confident learning needs classes; the largest errors of this task rank its labels by doubt"
    )

    def predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """See the base class."""
        name, truth = pl.col(task.columns.prediction), pl.col(task.columns.label)
        difference = (name - truth).abs()
        return (
            rows.filter(truth.is_not_null())
            .with_columns(
                label=pl.lit(None, pl.String),
                predicted=name.round(2).cast(pl.String),
                true=truth.round(2).cast(pl.String),
                score=difference.cast(pl.Float64),
                right=difference <= difference.quantile(CLOSEST_SHARE, "lower"),
                **NO_OFFSETS,
            )
            .select(PREDICTION_COLUMNS)
        )

    def choose_prediction(
        self, predicted: Mapping[str, Any], task: Task, *, label: str | None
    ) -> ChosenPrediction | None:
        """Return the value; see the base class."""
        return ChosenPrediction(label=None, score=predicted[task.columns.prediction])

    def make_target(
        self, network: Network, batch: Batch, *, task: Task, prediction: ExplainedPrediction
    ) -> Target:
        """See the base class."""
        with torch.no_grad():
            coefficients = torch.zeros_like(network(batch)[task.name])
        head = network.heads[task.name]
        assert isinstance(head, RegressionHead)
        return Target(coefficients=coefficients + head.deviation, description="the value")

    @torch.no_grad()
    def scores(
        self, network: Network, batch: Batch, *, task: Task, target: Target, span_BN: Tensor | None = None
    ) -> Tensor:
        """See the base class."""
        decoded = network.heads[task.name].decode(network(batch)[task.name], batch)
        assert isinstance(decoded, Tensor)
        return decoded

    def direction(self, contribution: float) -> float:
        """Return the way the value went from the baseline."""
        return -1.0 if contribution < 0 else 1.0
