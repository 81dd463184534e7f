"""Which labels are taken for which: the matrix, or the part of it that is confused, and the most frequent confusions with
example documents."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from mgm.evaluation.items import matches
from mgm.evaluation.spans import touched
from mgm.tasks import Task

CLASSES = 15
"""A matrix shows up to this many labels; beyond, those of the most frequent confusions, and the rest together."""
PAIRS = 10
EXAMPLES = 2
REST = "other labels"
NOTHING = "no span"
ELSEWHERE = "other bounds"


def confusions(rows: pl.DataFrame, task: Task, labels: Sequence[str]) -> dict[str, Any] | None:
    """matrix: rows, columns, counts, whole (whether all labels are in it), None for multilabel tasks; pairs: actual,
    predicted, n, examples. None for regression and generation.

    rows: labelled, with a column corpus. classification: a pair is a label and another that was said for it. multilabel: a
    label that was missed and one that was wrongly said of the same document. tagging: spans with the same bounds; one
    without such a partner stands against `other bounds` where it overlaps a span of the other side, else against `no span`.
    """
    if task.kind in ("regression", "generation"):
        return None
    found = _pairs(rows, task)
    wrong = found.filter(pl.col("actual") != pl.col("predicted"))
    counted = (
        wrong.group_by("actual", "predicted")
        .agg(n=pl.len())
        .sort(["n", "actual", "predicted"], descending=[True, False, False])
    )
    shown = [
        {**pair, "examples": _examples(rows, wrong, pair["actual"], pair["predicted"])}
        for pair in counted.head(PAIRS).to_dicts()
    ]
    matrix = None if task.kind == "multilabel" else _matrix(found, counted, labels)
    return {"matrix": matrix, "pairs": shown}


def _pairs(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """row, actual, predicted, score, start, end of every answer, right or wrong."""
    nowhere = [pl.lit(None, pl.Int32).alias("start"), pl.lit(None, pl.Int32).alias("end")]
    score = f"{task.name}_score"
    columns = ["row", "actual", "predicted", "score", "start", "end"]
    if task.kind == "classification":
        known = pl.col(score) if score in rows.columns else pl.lit(None, pl.Float32)
        return (
            rows.with_row_index("row")
            .select("row", actual=f"{task.name}_true", predicted=task.name, score=known)
            .with_columns(*nowhere)
            .select(columns)
        )
    found = matches(rows, task)
    if task.kind == "multilabel":
        missed = found.filter(pl.col("true") & ~pl.col("predicted")).select("row", actual="label")
        extra = found.filter(~pl.col("true") & pl.col("predicted")).select("row", predicted="label")
        both = missed.join(extra, on="row", how="inner", maintain_order="left_right")
        return both.with_columns(pl.lit(None, pl.Float32).alias("score"), *nowhere).select(columns)
    at = ["row", "start", "end"]
    true = found.filter("true").select(*at, actual="label", true_touched=touched(found, "true"))
    said = found.filter("predicted").select(*at, predicted="label", said_touched=touched(found, "predicted"))
    absent = {
        "actual": pl.when("said_touched").then(pl.lit(ELSEWHERE)).otherwise(pl.lit(NOTHING)),
        "predicted": pl.when("true_touched").then(pl.lit(ELSEWHERE)).otherwise(pl.lit(NOTHING)),
    }
    return (
        true.join(said, on=at, how="full", coalesce=True, maintain_order="left_right")
        .with_columns(pl.col(name).fill_null(text) for name, text in absent.items())
        .with_columns(pl.lit(None, pl.Float32).alias("score"))
        .sort(*at, "actual", "predicted")
        .select(columns)
    )


def _matrix(found: pl.DataFrame, wrong: pl.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    """Rows: the truth (training's labels, then those it never saw); columns: what was said."""
    special = [ELSEWHERE, NOTHING]
    actual, said = (set(found[side].unique()) for side in ("actual", "predicted"))
    unseen = sorted((actual | said) - {*labels, *special})
    order = [*labels, *unseen]
    whole = len(order) <= CLASSES
    if not whole:
        order = _confused(wrong, special)
    kept = [*order, *special]
    rest = [] if whole else [REST]
    folded = found.with_columns(
        pl.when(pl.col(side).is_in(kept)).then(pl.col(side)).otherwise(pl.lit(REST)).alias(side)
        for side in ("actual", "predicted")
    )
    counted = {
        (true, predicted): n
        for true, predicted, n in folded.group_by("actual", "predicted").agg(n=pl.len()).iter_rows()
    }
    ends = [name for name in special if name in actual | said]
    rows = [*order, *rest, *[name for name in ends if name in actual]]
    columns = [*[name for name in order if name not in unseen], *rest, *[n for n in ends if n in said]]
    table = [[counted.get((true, predicted), 0) for predicted in columns] for true in rows]
    return {"rows": rows, "columns": columns, "counts": table, "whole": whole}


def _confused(wrong: pl.DataFrame, special: list[str]) -> list[str]:
    """The labels of the most frequent confusions, as many as a matrix shows."""
    found: dict[str, None] = {}
    for actual, predicted, _ in wrong.iter_rows():
        new = [label for label in (actual, predicted) if label not in found and label not in special]
        if len(found) + len(new) > CLASSES:
            break
        found |= dict.fromkeys(new)
    return list(found)


def _examples(rows: pl.DataFrame, wrong: pl.DataFrame, actual: str, predicted: str) -> list[dict[str, Any]]:
    """The documents where the model was surest of this confusion."""
    own = wrong.filter((pl.col("actual") == actual) & (pl.col("predicted") == predicted))
    places = rows.with_row_index("row").select("row", "corpus", "doc_id", "lang")
    return (
        own.join(places, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("score").cast(pl.Float64).round(4))
        .sort(["score", "corpus", "doc_id", "start"], descending=[True, False, False, False], nulls_last=True)
        .unique(["corpus", "doc_id"], keep="first", maintain_order=True)
        .head(EXAMPLES)
        .select("corpus", "doc_id", "lang", "score", "start", "end")
        .to_dicts()
    )
