"""A task's metrics from its predictions. Every metric is a function of sums over documents, so that the
point value, the table of labels and the bootstrap (significance.py) read the same counts.

A predictions frame has one row a document: doc_id, group, lang, `<task>` and `<task>_true` (null: not
labelled, left out). Axes: R resamples, D documents, K labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from scipy.stats import rankdata

from mgm.tasks import Task

KEYS = ("doc_id", "group", "lang", "split")
ITEM_KINDS = ("classification", "multilabel", "tagging")

Sums = np.ndarray
Metrics = Callable[[Sums], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Statistics:
    """What each document adds to the sums that a task's metrics are made of.

    documents (D, M) sparse; metrics maps sums (R, M) to name -> (R,), nan where a metric is undefined.
    """

    documents: sparse.csr_array
    metrics: Metrics

    def score(self) -> dict[str, float]:
        """The metrics over all documents, nan where undefined."""
        if not self.documents.shape[0]:
            return {name: float("nan") for name in self.metrics(np.zeros((1, self.documents.shape[1])))}
        sums = np.asarray(self.documents.sum(axis=0), dtype=np.float64).reshape(1, -1)
        return {name: float(values[0]) for name, values in self.metrics(sums).items()}


def columns_read(task: Task, available: Sequence[str]) -> list[str]:
    """The columns of a predictions table that metrics and errors of a task read."""
    wanted = [*KEYS, task.name, f"{task.name}_score", f"{task.name}_true"]
    return [name for name in wanted if name in available]


def labelled(frame: pl.DataFrame, task: Task) -> pl.DataFrame:
    """The rows that are labelled for a task.

    Raises:
        ValueError: a labelled row has no prediction, or one that is not a finite number.
    """
    rows = frame.filter(pl.col(f"{task.name}_true").is_not_null())
    predicted = pl.col(task.name)
    missing = (
        predicted.is_null() if task.kind != "regression" else predicted.is_null() | ~predicted.is_finite()
    )
    bad = rows.filter(missing)
    if bad.height:
        raise ValueError(
            f"predictions, column {task.name}, doc_id {bad['doc_id'][0]!r}: found {bad[task.name][0]!r}, "
            f"expected a {task.kind} prediction for every labelled row ({bad.height} rows lack one)"
        )
    return rows


def statistics(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> Statistics:
    """A task's statistics over labelled rows; `labels` is the label space of training (empty for
    regression)."""
    if task.kind == "regression":
        return _regression(rows, task)
    if task.kind not in ITEM_KINDS:
        raise ValueError(f"task {task.name}: no metrics for tasks of kind {task.kind}")
    return _items(rows, task, labels)


def unseen_labels(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> int:
    """How many true labels (of documents, or of spans) training never saw; each counts as wrong."""
    if task.kind not in ITEM_KINDS:
        return 0
    return matches(rows, task).filter("true").filter(~pl.col("label").is_in(list(labels))).height


def matches(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Every true or predicted item: row (of `rows`), [start, end,] label, and whether it is `true`,
    whether `predicted`.

    An item is a label of a document; for tagging a span with its exact boundaries. One said twice counts
    once.
    """
    keys = ["row", "start", "end", "label"] if task.kind == "tagging" else ["row", "label"]
    numbered = rows.with_row_index("row")
    true = _column_items(numbered, f"{task.name}_true", task, keys).with_columns(true=pl.lit(True))
    predicted = _column_items(numbered, task.name, task, keys).with_columns(predicted=pl.lit(True))
    return (
        true.join(predicted, on=keys, how="full", coalesce=True, maintain_order="left_right")
        .with_columns(pl.col("true", "predicted").fill_null(False))
        .sort(keys)
    )


def per_label(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> pl.DataFrame:
    """label, seen (in training), support, predicted, correct, precision, recall, f1 (null where
    undefined); training's order, then labels that training never saw."""
    counts = (
        matches(rows, task)
        .group_by("label", maintain_order=True)
        .agg(
            support=pl.col("true").sum(),
            predicted=pl.col("predicted").sum(),
            correct=(pl.col("true") & pl.col("predicted")).sum(),
        )
    )
    order = pl.DataFrame({"label": list(labels)}, schema={"label": pl.String}).with_columns(seen=pl.lit(True))
    unseen = counts.select("label").filter(~pl.col("label").is_in(list(labels))).sort("label")
    every = pl.concat([order, unseen.with_columns(seen=pl.lit(False))])
    number = pl.col("support", "predicted", "correct").fill_null(0).cast(pl.Int64)
    correct, support, predicted = pl.col("correct"), pl.col("support"), pl.col("predicted")
    return (
        every.join(counts, on="label", how="left", maintain_order="left")
        .with_columns(number)
        .with_columns(
            precision=pl.when(predicted > 0).then(correct / predicted),
            recall=pl.when(support > 0).then(correct / support),
            f1=pl.when(predicted + support > 0).then(2 * correct / (predicted + support)),
        )
    )


def _column_items(numbered: pl.DataFrame, column: str, task: Task, keys: list[str]) -> pl.DataFrame:
    items = numbered.select("row", label=pl.col(column))
    if task.kind == "multilabel":
        items = items.explode("label")
    elif task.kind == "tagging":
        spans = items.explode("label").rename({"label": "span"}).drop_nulls("span")
        span = pl.col("span").struct
        items = spans.select(
            "row", start=span.field("start"), end=span.field("end"), label=span.field("label")
        )
    return items.drop_nulls("label").unique(keys, maintain_order=True).select(keys)


def _items(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> Statistics:
    """Columns of the sums: documents, documents right in everything, then K true positives, K false
    positives, K false negatives; the label space of training first."""
    found = matches(rows, task)
    unseen = (
        found.select("label").filter(~pl.col("label").is_in(list(labels))).unique().sort("label")["label"]
    )
    space = [*labels, *unseen]
    number = pl.DataFrame(
        {"label": space, "column": np.arange(len(space))}, schema={"label": pl.String, "column": pl.Int64}
    )
    found = found.join(number, on="label", how="left", maintain_order="left")
    true, predicted = found["true"].to_numpy(), found["predicted"].to_numpy()
    block = np.where(true & predicted, 0, np.where(predicted, 1, 2))
    row = found["row"].to_numpy().astype(np.int64)
    exact = np.ones(rows.height)
    exact[row[true != predicted]] = 0
    documents = np.arange(rows.height)
    matrix = sparse.coo_array(
        (
            np.concatenate([np.ones(rows.height), exact, np.ones(len(row))]),
            (
                np.concatenate([documents, documents, row]),
                np.concatenate(
                    [
                        np.zeros(rows.height, np.int64),
                        np.ones(rows.height, np.int64),
                        2 + block * len(space) + found["column"].to_numpy(),
                    ]
                ),
            ),
        ),
        shape=(rows.height, 2 + 3 * len(space)),
    ).tocsr()
    return Statistics(matrix, lambda sums: _item_metrics(sums, task, len(labels)))


def _item_metrics(sums: Sums, task: Task, trained: int) -> dict[str, np.ndarray]:
    documents, exact = sums[:, 0], sums[:, 1]
    true_positive, false_positive, false_negative = np.split(sums[:, 2:], 3, axis=1)
    f1_RK = _ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative)
    support = true_positive + false_negative
    tp, fp, fn = true_positive.sum(1), false_positive.sum(1), false_negative.sum(1)

    def known(values: np.ndarray) -> np.ndarray:  # 0 / 0 is 0 where documents were read, as in scikit-learn
        return np.where(documents > 0, np.nan_to_num(values), np.nan)

    micro, precision, recall = (
        known(_ratio(2 * tp, 2 * tp + fp + fn)),
        known(_ratio(tp, tp + fp)),
        known(_ratio(tp, tp + fn)),
    )
    macro = _mean_defined(f1_RK[:, :trained])
    weighted = _ratio((np.nan_to_num(f1_RK) * support).sum(1), support.sum(1))
    whole = _ratio(exact, documents)
    if task.kind == "classification":
        return {"macro_f1": macro, "accuracy": whole, "micro_f1": micro, "weighted_f1": weighted}
    if task.kind == "multilabel":
        return {
            "micro_f1": micro,
            "macro_f1": macro,
            "weighted_f1": weighted,
            "micro_precision": precision,
            "micro_recall": recall,
            "subset_accuracy": whole,
        }
    return {"span_f1": micro, "span_precision": precision, "span_recall": recall, "macro_span_f1": macro}


def _regression(rows: pl.DataFrame, task: Task) -> Statistics:
    """Columns of the sums: documents, absolute error, the five moments of the values, the five of their
    ranks.

    Spearman's coefficient is Pearson's over ranks (ties averaged); resamples keep the ranks of the whole
    sample.
    """
    predicted = rows[task.name].cast(pl.Float64).to_numpy()
    true = rows[f"{task.name}_true"].cast(pl.Float64).to_numpy()
    columns = [np.ones(len(true)), np.abs(predicted - true)]
    for x, y in ((predicted, true), (rankdata(predicted), rankdata(true))):
        x, y = _centre(x), _centre(y)
        columns += [x, y, x * x, y * y, x * y]
    return Statistics(sparse.csr_array(np.stack(columns, axis=1)), _regression_metrics)


def _regression_metrics(sums: Sums) -> dict[str, np.ndarray]:
    n = sums[:, 0]
    return {
        "pearson": _correlation(n, sums[:, 2:7]),
        "spearman": _correlation(n, sums[:, 7:12]),
        "mae": _ratio(sums[:, 1], n),
    }


def _centre(values: np.ndarray) -> np.ndarray:
    """Less the mean, or the moments lose their digits; exactly zero for a constant."""
    return values - values.mean() if len(values) and np.ptp(values) > 0 else np.zeros(len(values))


def _correlation(n: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Pearson's coefficient; 0 where either side is constant, since a constant explains nothing of the
    order."""
    x, y, xx, yy, xy = moments.T
    n_safe = np.where(n > 0, n, 1)
    var_x, var_y = xx - x * x / n_safe, yy - y * y / n_safe
    varies = (var_x > 1e-9 * np.maximum(xx, 1e-30)) & (var_y > 1e-9 * np.maximum(yy, 1e-30))
    scale = np.sqrt(np.where(varies, var_x * var_y, 1.0))
    value = np.where(varies, (xy - x * y / n_safe) / scale, 0.0)
    return np.where(n > 0, np.clip(value, -1.0, 1.0), np.nan)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def _mean_defined(values_RK: np.ndarray) -> np.ndarray:
    """The mean over labels that occur in truth or prediction: of one that does neither nothing is known."""
    defined = ~np.isnan(values_RK)
    return _ratio(np.nan_to_num(values_RK).sum(1), defined.sum(1).astype(np.float64))
