"""Evaluation of labelled spans: F1 of spans that match exactly, and of spans that overlap one of the same label.

Half-open spans overlap where they share a code point.

Axes: R resamples, K labels.
"""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import polars as pl

from mgm.evaluation.confidence import ClassPredictions, ScoredPredictions, binary_predictions
from mgm.evaluation.items import ItemCounts, Items, averaged_metrics, zero_if_undefined
from mgm.evaluation.kinds.item_evaluation import ItemEvaluation
from mgm.evaluation.sufficient_statistics import Sums, ratio
from mgm.tasks import Task

NO_SPAN = "no span"
"""A span without a partner, that overlaps none, is confused with this."""
OTHER_BOUNDS = "other bounds"
"""A span without a partner, that overlaps one of the other side, is confused with this."""
_PREDICTED_OVERLAPS, _TRUE_OVERLAPS = 3, 4


class TaggingEvaluation(ItemEvaluation):
    """Span F1, exact and by overlap.

    The further blocks of `Items.documents` count predicted spans that overlap a true one of their label, and true spans that
    overlap a predicted one.
    """

    slice_metric = "span_f1"
    item_keys = ("row", "start", "end", "label")
    label_intervals = MappingProxyType({"f1": "", "overlap_f1": "overlap_"})

    def explode(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        """See the base class."""
        return explode_spans(rows, column, fields=["start", "end", "label"])

    def label_occurrences(self, train_labels: pl.Series) -> pl.Series:
        """See the base class."""
        return train_labels.drop_nulls().explode().drop_nulls().struct.field("label")

    def further_blocks(self, matches: pl.DataFrame) -> list[np.ndarray]:
        """See the base class."""
        return [
            overlaps_other_side(matches, "predicted", same_label=True),
            overlaps_other_side(matches, "true", same_label=True),
        ]

    def item_metrics(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """See the base class."""
        values = averaged_metrics(items, sums)
        overlap = overlap_metrics(
            items.block(sums, _PREDICTED_OVERLAPS).sum(1, keepdims=True),
            items.block(sums, _TRUE_OVERLAPS).sum(1, keepdims=True),
            counts=items.counts(sums).pool(),
        )
        return {
            "span_f1": values["micro_f1"],
            "span_precision": values["micro_precision"],
            "span_recall": values["micro_recall"],
            "macro_span_f1": values["macro_f1"],
            "weighted_span_f1": values["weighted_f1"],
            **{name: zero_if_undefined(value[:, 0], sums[:, 0]) for name, value in overlap.items()},
        }

    def metrics_by_label(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """See the base class."""
        return super().metrics_by_label(items, sums) | overlap_metrics(
            items.block(sums, _PREDICTED_OVERLAPS),
            items.block(sums, _TRUE_OVERLAPS),
            counts=items.counts(sums),
        )

    def majority_prediction(self, train_labels: pl.Series, task: Task) -> list[dict[str, object]]:
        """Return no span."""
        return []

    def class_predictions(self, rows: pl.DataFrame, task: Task) -> ClassPredictions | None:
        """Return of each predicted span whether it is right in bounds and label."""
        if not rows.height:
            return None
        spans = self.scored_predictions(rows, task)
        return binary_predictions(spans.row, probability=spans.score, is_true=spans.is_correct)

    def scored_predictions(self, rows: pl.DataFrame, task: Task) -> ScoredPredictions:
        """Return each predicted span."""
        predicted = explode_spans(
            rows.with_row_index("row"), task.columns.prediction, fields=["start", "end", "label", "score"]
        )
        keys = list(self.item_keys)
        true = self.match(rows, task).filter("true").select(*keys, is_correct=pl.lit(True))
        spans = predicted.join(true, on=keys, how="left", maintain_order="left").with_columns(
            pl.col("is_correct").fill_null(False)
        )
        return ScoredPredictions(
            row=spans["row"].to_numpy().astype(np.int64),
            score=spans["score"].to_numpy().astype(np.float64),
            is_correct=spans["is_correct"].to_numpy(),
        )

    def confusions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return pairs of spans with the same bounds.

        A span without such a partner is paired with `OTHER_BOUNDS` where it overlaps a span of the other side, else against
        `NO_SPAN`.
        """
        matches, keys = self.match(rows, task), ["row", "start", "end"]
        sides = {}
        for side, name in (("true", "actual"), ("predicted", "predicted")):
            overlaps = overlaps_other_side(matches, side, same_label=False)
            sides[side] = matches.with_columns(pl.Series(f"{side}_overlaps", overlaps)).filter(side)
            sides[side] = sides[side].select(*keys, pl.col("label").alias(name), f"{side}_overlaps")
        absent = {
            name: pl.when(f"{other}_overlaps").then(pl.lit(OTHER_BOUNDS)).otherwise(pl.lit(NO_SPAN))
            for name, other in (("actual", "predicted"), ("predicted", "true"))
        }
        return (
            sides["true"]
            .join(sides["predicted"], on=keys, how="full", coalesce=True, maintain_order="left_right")
            .with_columns(pl.col(name).fill_null(label) for name, label in absent.items())
            .with_columns(score=pl.lit(None, pl.Float32))
            .sort(*keys, "actual", "predicted")
        )

    def wrong_predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return predicted spans that are not true, with their mean word probability; `true` names the spans they overlap."""
        numbered, keys = rows.with_row_index("row"), list(self.item_keys)
        predicted = explode_spans(
            numbered, task.columns.prediction, fields=["start", "end", "label", "score"]
        )
        true = explode_spans(numbered, task.columns.label, fields=["start", "end", "label"])
        wrong = predicted.join(true, on=keys, how="anti", maintain_order="left")
        overlapped = (
            wrong.join(true, on="row", how="inner", maintain_order="left_right", suffix="_true")
            .filter((pl.col("start") < pl.col("end_true")) & (pl.col("start_true") < pl.col("end")))
            .group_by(keys, maintain_order=True)
            .agg(
                true=pl.format("{} at {}–{}", "label_true", "start_true", "end_true")
                .sort_by("start_true")
                .str.join(", "),
            )
        )
        documents = numbered.select("row", "doc_id", "corpus", "lang")
        return (
            wrong.join(overlapped, on=keys, how="left", maintain_order="left")
            .join(documents, on="row", how="left", maintain_order="left")
            .with_columns(predicted=span_in_words(), true=pl.col("true").fill_null("no span here"))
        )


def explode_spans(rows: pl.DataFrame, column: str, *, fields: Sequence[str]) -> pl.DataFrame:
    """Return the spans of a column: row, and these fields."""
    spans = rows.select("row", span=column).explode("span").drop_nulls("span")
    return spans.select("row", *[pl.col("span").struct.field(name) for name in fields])


def span_in_words() -> pl.Expr:
    """Return label, start and end as text."""
    return pl.format("{} at {}–{}", "label", "start", "end")


def overlap_metrics(
    predicted_overlaps: np.ndarray, true_overlaps: np.ndarray, *, counts: ItemCounts
) -> dict[str, np.ndarray]:
    """Return overlap precision, recall and F1, nan where undefined.

    Precision is the share of predicted spans that overlap a true one of their label, recall the share of true spans that
    overlap a predicted one, F1 their harmonic mean.
    """
    precision, recall = ratio(predicted_overlaps, counts.predicted), ratio(true_overlaps, counts.support)
    both = np.nan_to_num(precision) + np.nan_to_num(recall)
    f1 = np.where(both > 0, ratio(2 * np.nan_to_num(precision) * np.nan_to_num(recall), both), 0.0)
    f1 = np.where(counts.predicted + counts.support > 0, f1, np.nan)
    return {"overlap_precision": precision, "overlap_recall": recall, "overlap_f1": f1}


def overlaps_other_side(matches: pl.DataFrame, side: str, *, same_label: bool) -> np.ndarray:
    """Return which matches are on one side and overlap a span of the other side.

    Args:
        matches: the result of `ItemEvaluation.match`.
        side: "true" or "predicted".
        same_label: whether only spans of the same label count.
    """
    other = "predicted" if side == "true" else "true"
    mask = matches[side].to_numpy().copy()
    keys = ["row", "label"] if same_label else ["row"]
    mask[mask] = _overlaps_any(matches.filter(side), matches.filter(other), keys=keys)
    return mask


def _overlaps_any(spans: pl.DataFrame, others: pl.DataFrame, *, keys: Sequence[str]) -> np.ndarray:
    """Return which spans overlap one of the others with the same `keys`.

    Of the others that begin before a span's end the one that ends last decides: it must end after the span's start.
    """
    reach = (
        others.sort(*keys, "start", "end")
        .select(*keys, begins="start", reaches=pl.col("end").cum_max().over(keys))
        .sort("begins", maintain_order=True)
    )
    overlapping = (
        spans.with_row_index("span")
        .sort("end")
        .join_asof(
            reach,
            left_on="end",
            right_on="begins",
            by=list(keys),
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter(pl.col("reaches") > pl.col("start"))["span"]
    )
    mask = np.zeros(spans.height, bool)
    mask[overlapping.to_numpy()] = True
    return mask
