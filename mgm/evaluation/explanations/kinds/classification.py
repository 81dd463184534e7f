"""Explanation of a predicted class.

The target is the logit of the predicted class less that of the labelled one or, where the prediction is right, of the
runner-up: logits alone mean nothing, since softmax sees only differences. The score is the class's probability.
"""

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mgm.evaluation.explanations.kinds.task_explanation import PREDICTION_COLUMNS, TaskExplanation
from mgm.evaluation.explanations.label_issues import (
    ISSUES_SCHEMA,
    MIN_DOCUMENTS,
    MIN_LABELS,
    LabelIssues,
    rank_label_issues,
)
from mgm.evaluation.explanations.target import ExplainedPrediction, Target
from mgm.evaluation.kinds.task_evaluation import NO_OFFSETS
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.tasks import Task


class ClassificationExplanation(TaskExplanation):
    """The difference of the logits of two classes."""

    def predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """See the base class."""
        name, truth = pl.col(task.columns.prediction), pl.col(task.columns.label)
        return (
            rows.filter(truth.is_not_null())
            .with_columns(
                label=name,
                predicted=name,
                true=truth,
                score=pl.col(task.columns.score).cast(pl.Float64),
                right=name == truth,
                **NO_OFFSETS,
            )
            .select(PREDICTION_COLUMNS)
        )

    def make_target(
        self, network: Network, batch: Batch, *, task: Task, prediction: ExplainedPrediction
    ) -> Target:
        """See the base class."""
        with torch.no_grad():
            logits = network(batch)[task.name]
        label, labels = prediction.label, task.labels
        assert label is not None
        index = labels.index(label)
        coefficients = torch.zeros_like(logits)
        coefficients[0, index] = 1
        if len(labels) < 2:
            return Target(coefficients=coefficients, description=label, index=index)
        is_wrong = prediction.true in labels and prediction.true != label
        other = labels.index(prediction.true) if is_wrong else _runner_up(logits[0], index)
        coefficients[0, other] = -1
        return Target(
            coefficients=coefficients, description=f"{label} rather than {labels[other]}", index=index
        )

    def label_issues(self, probabilities_DK: np.ndarray, labels: pl.Series, *, task: Task) -> LabelIssues:
        """See the base class."""
        # imported here, since it brings scikit-learn, which explaining a single prediction does not need
        from cleanlab.filter import find_label_issues

        rows = np.flatnonzero(labels.is_in(list(task.labels)).fill_null(False).to_numpy())
        if len(rows) < MIN_DOCUMENTS or len(task.labels) < MIN_LABELS:
            return LabelIssues(len(rows), pl.DataFrame(schema=ISSUES_SCHEMA))
        probabilities, names = probabilities_DK.astype(np.float64)[rows], labels.gather(rows).to_list()
        label_ids = np.array([task.labels.index(name) for name in names])
        issues = []
        for place in rank_label_issues(
            find_label_issues, label_ids, probabilities_DK=probabilities, rank_by="normalized_margin"
        ):
            best = int(probabilities[place].argmax())
            issues.append(
                (int(rows[place]), names[place], task.labels[best], float(probabilities[place, best]))
            )
        return LabelIssues(len(rows), pl.DataFrame(issues, schema=ISSUES_SCHEMA, orient="row"))


def _runner_up(logits_K: Tensor, index: int) -> int:
    others = logits_K.clone()
    others[index] = -torch.inf
    return int(others.argmax())
