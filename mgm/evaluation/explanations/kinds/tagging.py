"""Explanation of a predicted span.

The target is the emissions of the span's tags less those of "outside", summed over its words: the transitions between tags do
not read the text. The score is the mean marginal probability of these tags.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl
import torch
from torch import Tensor

from mgm.evaluation.explanations.kinds.task_explanation import PREDICTION_COLUMNS, TaskExplanation
from mgm.evaluation.explanations.target import ChosenPrediction, ExplainedPrediction, Target
from mgm.evaluation.explanations.wide_contributions import tagging_contributions
from mgm.evaluation.kinds.tagging import explode_spans, span_in_words
from mgm.model.batch import Batch
from mgm.model.heads import TaggingHead
from mgm.model.heads.crf import marginals
from mgm.model.network import Network
from mgm.model.ragged import Ragged
from mgm.tasks import Task


class TaggingExplanation(TaskExplanation):
    """A predicted span."""

    why_no_label_issues = (
        "confident learning needs a probability for every class of an item, and spans are no fixed items; the most confident "
        "errors of this task rank its labels by doubt"
    )

    def predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """See the base class. Only a span with the same bounds and label is right."""
        numbered = rows.filter(pl.col(task.columns.label).is_not_null()).with_row_index("row")
        keys = ["row", "start", "end", "label"]
        predicted = explode_spans(numbered, task.columns.prediction, fields=[*keys[1:], "score"])
        true = explode_spans(numbered, task.columns.label, fields=keys[1:]).unique(maintain_order=True)
        is_right = pl.col("right").fill_null(False)
        return (
            predicted.join(true.with_columns(right=pl.lit(True)), on=keys, how="left", maintain_order="left")
            .join(
                numbered.select("row", "corpus", "doc_id", "group", "lang"),
                on="row",
                how="left",
                maintain_order="left",
            )
            .with_columns(
                predicted=span_in_words(),
                true=pl.when(is_right).then(pl.lit("this very span")).otherwise(pl.lit("no such span")),
                score=pl.col("score").cast(pl.Float64),
                right=is_right,
            )
            .select(PREDICTION_COLUMNS)
        )

    def choose_prediction(
        self, predicted: Mapping[str, Any], task: Task, *, label: str | None
    ) -> ChosenPrediction | None:
        """Return the most confident span, of the label where one is given; see the base class."""
        spans = [span for span in predicted[task.columns.prediction] if label in (None, span["label"])]
        return ChosenPrediction(**max(spans, key=lambda span: span["score"])) if spans else None

    def make_target(
        self, network: Network, batch: Batch, *, task: Task, prediction: ExplainedPrediction
    ) -> Target:
        """See the base class."""
        with torch.no_grad():
            coefficients = torch.zeros_like(network(batch)[task.name])
        label, span = prediction.label, prediction.span
        assert label is not None and span is not None
        index = task.labels.index(label)
        tags = torch.full_like(span, 2 * index + 2)
        tags[0] = 2 * index + 1
        coefficients[span, tags] = 1
        coefficients[span, 0] = -1
        return Target(
            coefficients=coefficients,
            description=f"{label} rather than outside any span",
            index=index,
            words=span,
            tags=tags,
        )

    @torch.no_grad()
    def scores(
        self, network: Network, batch: Batch, *, task: Task, target: Target, span_BN: Tensor | None = None
    ) -> Tensor:
        """See the base class."""
        head = network.heads[task.name]
        assert isinstance(head, TaggingHead) and span_BN is not None and target.tags is not None
        emissions = Ragged(network(batch)[task.name], batch.sentence_length)
        probability = marginals(emissions, head.scores()).tag
        return probability[span_BN, target.tags.expand_as(span_BN)].mean(1).float()

    def wide_contributions(
        self, network: Network, batch: Batch, *, task: Task, target: Target
    ) -> Tensor | None:
        """See the base class."""
        if network.wide_tagging is None:
            return None
        return tagging_contributions(
            network.wide_tagging, batch, task=task.name, coefficients_NC=target.coefficients
        )
