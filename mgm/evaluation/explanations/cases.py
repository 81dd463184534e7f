"""Which answers are explained: the surest errors, some right ones, and a sample for the test of faithfulness.

An answer is a class, a label that was given, a span, or a value.
"""

import polars as pl

from mgm.evaluation.explanations.sample import choose
from mgm.tasks import Task

CLOSEST = 0.25
"""Of a regression's answers, the share with the smallest differences counts as right."""


def answers(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Every answer to a labelled row of a predictions frame: corpus, doc_id, group, lang, label (null for a value), start and
    end (null but for spans), predicted and true in words, score (of a value: how far off), right."""
    name, truth = pl.col(task.name), pl.col(f"{task.name}_true")
    found = rows.filter(truth.is_not_null())
    nowhere = {"start": pl.lit(None, pl.Int32), "end": pl.lit(None, pl.Int32)}
    if task.kind == "classification":
        found = found.with_columns(
            label=name, true=truth, score=f"{task.name}_score", right=name == truth, **nowhere
        )
    elif task.kind == "multilabel":
        found = (
            found.with_columns(label=name, score=f"{task.name}_score")
            .explode("label", "score")
            .drop_nulls("label")
            .with_columns(
                right=truth.list.contains(pl.col("label")),
                true=pl.when(truth.list.len() > 0)
                .then(truth.list.sort().list.join(", "))
                .otherwise(pl.lit("no label")),
                **nowhere,
            )
        )
    elif task.kind == "tagging":
        found = _spans(found, task)
    elif task.kind == "regression":
        off = (name - truth).abs()
        found = found.with_columns(
            label=pl.lit(None, pl.String),
            true=truth.round(2).cast(pl.String),
            score=off,
            right=off <= off.quantile(CLOSEST, "lower"),
            **nowhere,
        )
    else:
        raise ValueError(f"task {task.name}: no answers are explained for tasks of kind {task.kind}")
    predicted = {
        "regression": name.round(2).cast(pl.String),
        "tagging": pl.format("{} at {}–{}", "label", "start", "end"),
    }.get(task.kind, pl.col("label"))
    columns = [
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
    ]
    return found.with_columns(predicted=predicted, score=pl.col("score").cast(pl.Float64)).select(columns)


def surest_errors(found: pl.DataFrame, count: int) -> pl.DataFrame:
    """The `count` surest wrong answers, one a document."""
    order = ["score", "corpus", "doc_id", "predicted"]
    wrong = found.filter(~pl.col("right")).sort(order, descending=[True, False, False, False])
    return wrong.unique(["corpus", "doc_id"], keep="first", maintain_order=True).head(count)


def some_right(found: pl.DataFrame, count: int, seed: int, task: Task) -> pl.DataFrame:
    """A sample of right answers, one a document."""
    return _sample(found.filter("right"), count, seed, f"{task.name} right")


def sample(found: pl.DataFrame, count: int, seed: int, task: Task) -> pl.DataFrame:
    """A sample of all answers, right or wrong, one a document."""
    return _sample(found, count, seed, f"{task.name} sample")


def _sample(found: pl.DataFrame, count: int, seed: int, stream: str) -> pl.DataFrame:
    # the surest answer of a document stands for it
    order = ["corpus", "doc_id", "score", "predicted"]
    one = found.sort(order, descending=[False, False, True, False]).unique(
        ["corpus", "doc_id"], keep="first", maintain_order=True
    )
    return one[choose(one.height, count, seed, stream)]


def _spans(found: pl.DataFrame, task: Task) -> pl.DataFrame:
    row = found.with_row_index("row")
    said = row.explode(task.name).drop_nulls(task.name)
    span = pl.col(task.name).struct
    said = said.with_columns(span.field("start"), span.field("end"), span.field("label"), span.field("score"))
    gold = row.select("row", gold=f"{task.name}_true").explode("gold").drop_nulls("gold")
    keys = ["row", "start", "end", "label"]
    exact = gold.select("row", *(pl.col("gold").struct.field(k) for k in keys[1:])).unique(
        maintain_order=True
    )
    return said.join(
        exact.with_columns(right=pl.lit(True)), on=keys, how="left", maintain_order="left"
    ).with_columns(
        pl.col("right").fill_null(False),
        true=pl.when(pl.col("right").fill_null(False))
        .then(pl.lit("this very span"))
        .otherwise(pl.lit("no such span")),
    )
