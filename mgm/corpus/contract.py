"""The row contract of documents: what each row must hold, as a dataframely schema whose rules are the reject reasons."""

from collections.abc import Callable
from typing import Any

import dataframely as dy
import polars as pl

from mgm.corpus.rejects import LABEL_EMPTY, LABEL_NOT_FINITE, SPAN_OUTSIDE_TEXT, TEXT_MISSING
from mgm.tasks import Task

SPLITS = ("train", "valid", "test")
LANGUAGES = ("en", "zh", "mixed", "other")
DETECT = "detect"
"""In the place of a corpus's language: ingest leaves it null, and cleaning finds it."""

_ROW = "_row"


def document_schema(tasks: list[Task]) -> pl.Schema:
    """The columns of a corpus's documents: identity, text, language, group, split, then one column a task."""
    fixed = ("doc_id", "text", "lang", "group", "split")
    return pl.Schema({name: pl.String() for name in fixed} | {task.name: task.column_type for task in tasks})


def _rule(expression: pl.Expr) -> Any:
    check: Callable[[Any], pl.Expr] = lambda cls: expression  # noqa: E731 (dataframely wants a function of the class)
    return dy.rule()(check)


def row_contract(tasks: list[Task]) -> type[dy.Schema]:
    """The schema that `enforce` filters by: one rule a reject reason."""
    members: dict[str, Any] = {name: dy.Any() for name in [_ROW, *document_schema(tasks)]}
    members[TEXT_MISSING] = _rule(pl.col("text").is_not_null())
    empty = [_no_empty_label(task) for task in tasks]
    members[LABEL_EMPTY] = _rule(pl.all_horizontal(pl.lit(True), *[e for e in empty if e is not None]))
    finite = [pl.col(t.name).is_finite().fill_null(True) for t in tasks if t.kind == "regression"]
    members[LABEL_NOT_FINITE] = _rule(pl.all_horizontal(pl.lit(True), *finite))
    inside = [_spans_inside(t.name) for t in tasks if t.kind == "tagging"]
    members[SPAN_OUTSIDE_TEXT] = _rule(pl.all_horizontal(pl.lit(True), *inside))
    return type("Documents", (dy.Schema,), members)


def _no_empty_label(task: Task) -> pl.Expr | None:
    column = pl.col(task.name)
    blank = pl.element().str.strip_chars() == ""
    if task.kind == "classification":
        return (column.str.strip_chars() != "").fill_null(True)
    if task.kind == "multilabel":
        return ~column.list.eval(blank | pl.element().is_null()).list.any().fill_null(False)
    if task.kind == "tagging":
        label = pl.element().struct.field("label")
        return ~column.list.eval((label.str.strip_chars() == "") | label.is_null()).list.any().fill_null(
            False
        )
    return None


def _spans_inside(name: str) -> pl.Expr:
    start, end = pl.element().struct.field("start"), pl.element().struct.field("end")
    well_formed = pl.col(name).list.eval(((start >= 0) & (end > start)).fill_null(False)).list.all()
    last = pl.col(name).list.eval(end).list.max()
    return (well_formed & (last <= pl.col("text").str.len_chars()).fill_null(True)).fill_null(True)


def enforce(frame: pl.DataFrame, contract: type[dy.Schema]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that keep the contract, in their order, and the others with every rule that they break.

    Returns:
        (kept rows; doc_id, reasons (list of rule names) and values (the row as JSON) of the rejected ones).
    """
    kept, failures = contract.filter(frame.with_row_index(_ROW))
    rules = sorted(failures.counts())
    broken = [pl.when(pl.col(rule) == "invalid").then(pl.lit(rule)) for rule in rules]
    rejected = (
        failures.details()
        .sort(_ROW)
        .select(
            "doc_id",
            reasons=pl.concat_list(broken or [pl.lit(None, pl.String)]).list.drop_nulls(),
            values=pl.struct(frame.columns).struct.json_encode(),
        )
    )
    return kept.sort(_ROW).drop(_ROW), rejected
