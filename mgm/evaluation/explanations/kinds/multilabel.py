"""Explanation of a label of a predicted set: the target is its logit, the score its probability."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import torch

from mgm.evaluation.explanations.kinds.task_explanation import PREDICTION_COLUMNS, TaskExplanation
from mgm.evaluation.explanations.label_issues import (
    ISSUES_SCHEMA,
    MIN_DOCUMENTS,
    MIN_LABELS,
    LabelIssues,
    rank_label_issues,
)
from mgm.evaluation.explanations.target import ChosenPrediction, ExplainedPrediction, Target
from mgm.evaluation.kinds.multilabel import label_set_in_words
from mgm.evaluation.kinds.task_evaluation import NO_OFFSETS
from mgm.model.batch import Batch
from mgm.model.network import Network
from mgm.tasks import Task


class MultilabelExplanation(TaskExplanation):
    """A predicted label."""

    def predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """See the base class. A label that was not predicted is no prediction."""
        truth = pl.col(task.columns.label)
        return (
            rows.filter(truth.is_not_null())
            .with_columns(label=task.columns.prediction, score=task.columns.score)
            .explode("label", "score")
            .drop_nulls("label")
            .with_columns(
                predicted="label",
                true=label_set_in_words(truth),
                score=pl.col("score").cast(pl.Float64),
                right=truth.list.contains(pl.col("label")),
                **NO_OFFSETS,
            )
            .select(PREDICTION_COLUMNS)
        )

    def choose_prediction(
        self, predicted: Mapping[str, Any], task: Task, *, label: str | None
    ) -> ChosenPrediction | None:
        """Return the most probable of the predicted labels where there are any; see the base class."""
        labels, scores = predicted[task.columns.prediction], predicted[task.columns.score]
        if label is None and labels:
            _, label = max(zip(scores, labels, strict=True))
        return super().choose_prediction(predicted, task, label=label)

    def make_target(
        self, network: Network, batch: Batch, *, task: Task, prediction: ExplainedPrediction
    ) -> Target:
        """See the base class."""
        with torch.no_grad():
            coefficients = torch.zeros_like(network(batch)[task.name])
        assert prediction.label is not None
        index = task.labels.index(prediction.label)
        coefficients[0, index] = 1
        return Target(coefficients=coefficients, description=prediction.label, index=index)

    def label_issues(self, probabilities_DK: np.ndarray, labels: pl.Series, *, task: Task) -> LabelIssues:
        """See the base class. The suggestion is the label with the largest difference."""
        # imported here, since it brings scikit-learn, which explaining a single prediction does not need
        from cleanlab.multilabel_classification.filter import find_label_issues

        is_known = labels.list.eval(pl.element().is_in(list(task.labels))).list.all().fill_null(False)
        rows = np.flatnonzero(is_known.to_numpy())
        if len(rows) < MIN_DOCUMENTS or len(task.labels) < MIN_LABELS:
            return LabelIssues(len(rows), pl.DataFrame(schema=ISSUES_SCHEMA))
        probabilities, names = probabilities_DK.astype(np.float64)[rows], labels.gather(rows).to_list()
        label_ids = [sorted(task.labels.index(name) for name in of_document) for of_document in names]
        issues = []
        for place in rank_label_issues(
            find_label_issues, label_ids, probabilities_DK=probabilities, rank_by="self_confidence"
        ):
            probability_K = probabilities[place]
            is_labelled_K = np.isin(np.arange(len(task.labels)), label_ids[place])
            worst = int(np.where(is_labelled_K, 1 - probability_K, probability_K).argmax())
            change = "without" if is_labelled_K[worst] else "also"
            label = ", ".join(sorted(names[place])) or "no label"
            suggested = f"{change} {task.labels[worst]}"
            issues.append((int(rows[place]), label, suggested, float(probability_K[worst])))
        return LabelIssues(len(rows), pl.DataFrame(issues, schema=ISSUES_SCHEMA, orient="row"))
