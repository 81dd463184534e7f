"""Confusions of labels: the matrix, or its most confused part, and the most frequent confusions with examples."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.kinds.tagging import NO_SPAN, OTHER_BOUNDS
from mgm.tasks import Task

MAX_LABELS = 15
"""A matrix shows up to this many labels; beyond, those of the most frequent confusions, and the rest together."""
NUM_PAIRS = 10
NUM_EXAMPLES = 2
OTHER_LABELS = "other labels"
_NO_LABELS = [OTHER_BOUNDS, NO_SPAN]
"""Rows and columns of a matrix after those of the labels."""


def confusions(rows: pl.DataFrame, task: Task) -> dict[str, Any] | None:
    """Return the confusions of labelled predictions with a column corpus.

    Returns:
        matrix: rows, columns, counts, whole (whether all labels are in it), None for kinds without one; pairs: actual,
        predicted, n, examples. None for kinds without confusions. `TaskEvaluation.confusions` defines a pair.
    """
    evaluation = evaluation_of(task)
    pairs = evaluation.confusions(rows, task)
    if pairs is None:
        return None
    wrong = pairs.filter(pl.col("actual") != pl.col("predicted"))
    frequencies = (
        wrong.group_by("actual", "predicted")
        .agg(n=pl.len())
        .sort(["n", "actual", "predicted"], descending=[True, False, False])
    )
    shown = [
        {**pair, "examples": _examples(rows, wrong, actual=pair["actual"], predicted=pair["predicted"])}
        for pair in frequencies.head(NUM_PAIRS).to_dicts()
    ]
    matrix = _matrix(pairs, frequencies, labels=task.labels) if evaluation.has_confusion_matrix else None
    return {"matrix": matrix, "pairs": shown}


def _matrix(pairs: pl.DataFrame, frequencies: pl.DataFrame, *, labels: Sequence[str]) -> dict[str, Any]:
    """Return the matrix: rows are true labels (training's, then those it never saw), columns predicted ones."""
    actual, predicted = (set(pairs[side].unique()) for side in ("actual", "predicted"))
    unseen = sorted((actual | predicted) - {*labels, *_NO_LABELS})
    shown = [*labels, *unseen]
    is_whole = len(shown) <= MAX_LABELS
    if not is_whole:
        shown = _most_confused(frequencies)
    kept = [*shown, *_NO_LABELS]
    rest = [] if is_whole else [OTHER_LABELS]
    folded = pairs.with_columns(
        pl.when(pl.col(side).is_in(kept)).then(pl.col(side)).otherwise(pl.lit(OTHER_LABELS)).alias(side)
        for side in ("actual", "predicted")
    )
    counts = {
        (row, column): n
        for row, column, n in folded.group_by("actual", "predicted").agg(n=pl.len()).iter_rows()
    }
    rows = [*shown, *rest, *[name for name in _NO_LABELS if name in actual]]
    columns = [label for label in shown if label not in unseen]
    columns += [*rest, *[name for name in _NO_LABELS if name in predicted]]
    return {
        "rows": rows,
        "columns": columns,
        "counts": [[counts.get((row, column), 0) for column in columns] for row in rows],
        "whole": is_whole,
    }


def _most_confused(frequencies: pl.DataFrame) -> list[str]:
    """Return the labels of the most frequent confusions, as many as a matrix shows."""
    labels: dict[str, None] = {}
    for actual, predicted, _ in frequencies.iter_rows():
        new = [label for label in (actual, predicted) if label not in labels and label not in _NO_LABELS]
        if len(labels) + len(new) > MAX_LABELS:
            break
        labels |= dict.fromkeys(new)
    return list(labels)


def _examples(
    rows: pl.DataFrame, wrong: pl.DataFrame, *, actual: str, predicted: str
) -> list[dict[str, Any]]:
    """Return the documents with the most confident predictions of this confusion."""
    confused = wrong.filter((pl.col("actual") == actual) & (pl.col("predicted") == predicted))
    documents = rows.with_row_index("row").select("row", "corpus", "doc_id", "lang")
    return (
        confused.join(documents, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("score").cast(pl.Float64).round(4))
        .sort(["score", "corpus", "doc_id", "start"], descending=[True, False, False, False], nulls_last=True)
        .unique(["corpus", "doc_id"], keep="first", maintain_order=True)
        .head(NUM_EXAMPLES)
        .select("corpus", "doc_id", "lang", "score", "start", "end")
        .to_dicts()
    )
