"""Evaluation of a set of labels a document.

Average precision measures how well probabilities rank true labels above others, independently of a threshold: the sum over distinct
scores, from the highest, of (recall_n - recall_n-1) * precision_n, as in scikit-learn. Scores are written rounded, so that
counts by score lose nothing.

Axes: R resamples, D documents, K labels, S distinct scores.
"""

import numpy as np
import polars as pl

from mgm.evaluation.confidence import ClassPredictions, ScoredPredictions, binary_predictions
from mgm.evaluation.items import Items, averaged_metrics
from mgm.evaluation.kinds.item_evaluation import ItemEvaluation
from mgm.evaluation.kinds.task_evaluation import NO_OFFSETS, label_frequencies, labelled_values
from mgm.evaluation.sufficient_statistics import Statistics, Sums, ratio, sparse_counts
from mgm.model.heads.outcome import probability_matrix
from mgm.tasks import Task


class MultilabelEvaluation(ItemEvaluation):
    """Averages of F1 over labels, subset accuracy, and average precision."""

    slice_metric = "micro_f1"
    has_confusion_matrix = False

    def explode(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        """See the base class."""
        return rows.select("row", label=pl.col(column)).explode("label")

    def label_occurrences(self, train_labels: pl.Series) -> pl.Series:
        """See the base class."""
        return train_labels.drop_nulls().explode().drop_nulls()

    def item_metrics(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """See the base class."""
        values = averaged_metrics(items, sums)
        names = [
            f"{average}_{metric}"
            for metric in ("f1", "precision", "recall")
            for average in ("micro", "macro", "weighted")
        ]
        return {name: values[name] for name in names} | {"subset_accuracy": values["exact_match"]}

    def ranking_statistics(self, rows: pl.DataFrame, task: Task) -> Statistics | None:
        """See the base class. A label that training never saw has probability 0: it counts as missed."""
        if task.columns.probs not in rows.columns:
            return None
        probabilities, truth = probability_matrix(rows, task), self.truth_matrix(rows, task)
        unseen = np.zeros((rows.height, truth.shape[1] - len(task.labels)))
        return average_precision_statistics(np.concatenate([probabilities, unseen], axis=1), truth)

    def majority_prediction(self, train_labels: pl.Series, task: Task) -> list[str]:
        """Return the constant set with the best micro-F1 on training."""
        known = labelled_values(train_labels, task)
        frequencies = label_frequencies(self.label_occurrences(known))
        if not frequencies.height:
            return []
        hits = frequencies["count"].to_numpy().cumsum()
        # micro-F1 where the k most frequent labels are predicted for every document: 2 tp / (predicted + true)
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) * len(known) + hits[-1])
        return sorted(frequencies["label"].to_list()[: int(f1.argmax()) + 1])

    def predict_baselines(
        self, rows: pl.DataFrame, train_labels: pl.Series, *, task: Task
    ) -> dict[str, pl.DataFrame]:
        """Return the majority set, with the share of training that has each label as its probability."""
        (name, constant), *_ = super().predict_baselines(rows, train_labels, task=task).items()
        known = train_labels.drop_nulls()
        frequency = dict(label_frequencies(self.label_occurrences(known)).iter_rows())
        shares = [frequency.get(label, 0) / max(len(known), 1) for label in task.labels]
        probabilities = pl.Series(task.columns.probs, [shares], dtype=pl.List(pl.Float32))
        return {name: constant.with_columns(probabilities.new_from_index(0, rows.height))}

    def class_predictions(self, rows: pl.DataFrame, task: Task) -> ClassPredictions | None:
        """Return of each document and label whether it holds."""
        if task.columns.probs not in rows.columns:
            return None
        num_labels = len(task.labels)
        return binary_predictions(
            np.repeat(np.arange(rows.height), num_labels),
            probability=probability_matrix(rows, task).ravel(),
            is_true=self.truth_matrix(rows, task)[:, :num_labels].ravel(),
        )

    def scored_predictions(self, rows: pl.DataFrame, task: Task) -> ScoredPredictions | None:
        """Return each predicted label."""
        if task.columns.score not in rows.columns:
            return None
        labels = (
            rows.with_row_index("row")
            .select("row", label=task.columns.prediction, score=task.columns.score, true=task.columns.label)
            .explode("label", "score")
            .drop_nulls("label")
        )
        return ScoredPredictions(
            row=labels["row"].to_numpy().astype(np.int64),
            score=labels["score"].to_numpy().astype(np.float64),
            is_correct=labels.select(pl.col("true").list.contains(pl.col("label"))).to_series().to_numpy(),
        )

    def confusions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return each missed label with each wrongly predicted label of the same document."""
        matches = self.match(rows, task)
        missed = matches.filter(pl.col("true") & ~pl.col("predicted")).select("row", actual="label")
        extra = matches.filter(~pl.col("true") & pl.col("predicted")).select("row", predicted="label")
        pairs = missed.join(extra, on="row", how="inner", maintain_order="left_right")
        return pairs.with_columns(score=pl.lit(None, pl.Float32), **NO_OFFSETS)

    def wrong_predictions(self, rows: pl.DataFrame, task: Task) -> pl.DataFrame:
        """Return predicted labels that are not true, with their probability."""
        truth = pl.col(task.columns.label)
        return (
            rows.select(
                "doc_id", "corpus", "lang", truth, predicted=task.columns.prediction, score=task.columns.score
            )
            .explode("predicted", "score")
            .filter(pl.col("predicted").is_not_null() & ~truth.list.contains(pl.col("predicted")))
            .with_columns(true=label_set_in_words(truth), **NO_OFFSETS)
        )


def label_set_in_words(labels: pl.Expr) -> pl.Expr:
    """Return the labels of a list, sorted and joined by commas, or "no label"."""
    return (
        pl.when(labels.list.len() > 0).then(labels.list.sort().list.join(", ")).otherwise(pl.lit("no label"))
    )


def average_precision_statistics(probabilities_DK: np.ndarray, truth_DK: np.ndarray) -> Statistics:
    """Return the statistics of micro and macro average precision.

    The micro average is over all pairs of document and label, the macro average over labels that some document has.
    """
    documents, labels = truth_DK.shape
    row, label = (grid.ravel() for grid in np.indices((documents, labels)))
    hit = truth_DK.ravel().astype(np.int64)
    scores, score = np.unique(-probabilities_DK.ravel(), return_inverse=True)  # from the highest
    num_scores = max(len(scores), 1)
    pairs, pair = np.unique(label * num_scores + score, return_inverse=True)  # by label, then score
    first = np.searchsorted(pairs // num_scores, np.arange(labels))
    score_of_pair = pairs % num_scores
    order = np.argsort(score_of_pair, kind="stable")
    starts = np.searchsorted(score_of_pair[order], np.arange(len(scores)))

    def metrics(sums: Sums) -> dict[str, np.ndarray]:
        misses, hits = sums[:, 0::2], sums[:, 1::2]
        if not len(pairs):
            undefined = np.full(len(sums), np.nan)
            return {"micro_average_precision": undefined, "macro_average_precision": undefined}
        pooled = [np.add.reduceat(part[:, order], starts, axis=1) for part in (hits, misses)]
        by_label = np.stack(
            [
                _average_precision(hits[:, begin:end], misses[:, begin:end])
                for begin, end in zip(first, [*first[1:], len(pairs)], strict=True)
            ],
            axis=1,
        )
        defined = ~np.isnan(by_label)
        return {
            "micro_average_precision": _average_precision(*pooled),
            "macro_average_precision": ratio(np.nan_to_num(by_label).sum(1), defined.sum(1).astype(float)),
        }

    counts = sparse_counts(row, 2 * pair + hit, shape=(documents, 2 * len(pairs)))
    return Statistics(documents=counts, metrics=metrics)


def _average_precision(hits_RS: np.ndarray, misses_RS: np.ndarray) -> np.ndarray:
    """Return the average precision (R,) of counts by score, the highest first; nan where nothing is true."""
    precision = np.nan_to_num(ratio(hits_RS.cumsum(1), (hits_RS + misses_RS).cumsum(1)))
    return ratio((hits_RS * precision).sum(1), hits_RS.sum(1))
