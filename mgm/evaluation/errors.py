"""The errors that a model was surest of, from a predictions frame (metrics.py)."""

from dataclasses import dataclass

import polars as pl

from mgm.tasks import Task

CONTEXT = 90
"""Characters shown on each side of a wrong span."""
EXCERPT = 320
"""Characters shown of a wrongly classified document."""


@dataclass(frozen=True)
class Piece:
    """A stretch of an excerpt; mark is "predicted" for the span in question, else empty."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Example:
    """One wrong answer: what was said with which score (for regression: how far off), and what the label
    says."""

    doc_id: str
    corpus: str
    lang: str
    predicted: str
    true: str
    score: float | None
    pieces: list[Piece]


def confident_errors(rows: pl.DataFrame, task: Task, count: int) -> pl.DataFrame:
    """The `count` surest errors, one a document: doc_id, corpus, lang, predicted, true, score, start, end
    (of a span).

    classification: wrong classes by probability; multilabel: labels said but not true, by probability;
    tagging: spans said but not true, by mean word probability; regression: the largest absolute
    differences, which are the score.
    """
    name, truth = pl.col(task.name), pl.col(f"{task.name}_true")
    found = rows.select(
        "doc_id", "corpus", "lang", task.name, f"{task.name}_true", *_score_column(rows, task)
    )
    nowhere = [pl.lit(None, pl.Int32).alias("start"), pl.lit(None, pl.Int32).alias("end")]
    if task.kind == "classification":
        wrong = found.filter(name != truth).with_columns(predicted=name, true=truth, score="score")
    elif task.kind == "regression":
        wrong = found.with_columns(
            predicted=name.round(2).cast(pl.String),
            true=truth.round(2).cast(pl.String),
            score=(name - truth).abs(),
        ).filter(pl.col("score") > 0)
    elif task.kind == "multilabel":
        wrong = (
            found.with_columns(predicted=name)
            .explode("predicted", "score")
            .filter(pl.col("predicted").is_not_null() & ~truth.list.contains(pl.col("predicted")))
            .with_columns(
                true=pl.when(truth.list.len() > 0)
                .then(truth.list.sort().list.join(", "))
                .otherwise(pl.lit("no label"))
            )
        )
    elif task.kind == "tagging":
        return _best(_wrong_spans(found, task), count)
    else:
        raise ValueError(f"task {task.name}: no errors are shown for tasks of kind {task.kind}")
    return _best(wrong.with_columns(*nowhere), count)


def excerpt(text: str, start: int | None, end: int | None, characters: int = EXCERPT) -> list[Piece]:
    """What the reader sees of a document: its beginning, of so many characters, or a span [start, end) in code points
    with its surroundings."""
    if start is None or end is None:
        return [Piece(text[:characters] + ("…" if len(text) > characters else ""))]
    first, last = max(start - CONTEXT, 0), min(end + CONTEXT, len(text))
    before = ("…" if first else "") + text[first:start]
    after = text[end:last] + ("…" if last < len(text) else "")
    return [Piece(before), Piece(text[start:end], "predicted"), Piece(after)]


def _score_column(rows: pl.DataFrame, task: Task) -> list[pl.Expr]:
    return [pl.col(f"{task.name}_score").alias("score")] if f"{task.name}_score" in rows.columns else []


def _best(wrong: pl.DataFrame, count: int) -> pl.DataFrame:
    return (
        wrong.with_columns(pl.col("score").cast(pl.Float64).round(4))
        .sort(["score", "corpus", "doc_id", "predicted"], descending=[True, False, False, False])
        .unique(["corpus", "doc_id"], keep="first", maintain_order=True)
        .head(count)
        .select("doc_id", "corpus", "lang", "predicted", "true", "score", "start", "end")
    )


def _wrong_spans(found: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Spans said but not true; `true` names the labelled spans that they overlap."""
    row = found.with_row_index("row")
    keys = ["row", "start", "end", "label"]
    said = _spans(row, task.name, ["start", "end", "label", "score"])
    gold = _spans(row, f"{task.name}_true", ["start", "end", "label"])
    wrong = said.join(gold, on=keys, how="anti", maintain_order="left")
    touched = (
        wrong.join(gold, on="row", how="inner", maintain_order="left_right", suffix="_true")
        .filter((pl.col("start") < pl.col("end_true")) & (pl.col("start_true") < pl.col("end")))
        .group_by(keys, maintain_order=True)
        .agg(
            true=pl.format("{} at {}–{}", "label_true", "start_true", "end_true")
            .sort_by("start_true")
            .str.join(", "),
        )
    )
    return (
        wrong.join(touched, on=keys, how="left", maintain_order="left")
        .join(row.select("row", "doc_id", "corpus", "lang"), on="row", how="left", maintain_order="left")
        .with_columns(
            predicted=pl.format("{} at {}–{}", "label", "start", "end"),
            true=pl.col("true").fill_null("no span here"),
        )
    )


def _spans(row: pl.DataFrame, column: str, fields: list[str]) -> pl.DataFrame:
    spans = row.select("row", span=column).explode("span").drop_nulls("span")
    return spans.select("row", *[pl.col("span").struct.field(f).alias(f) for f in fields])
