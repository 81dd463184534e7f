"""The contract of a row of documents, as a dataframely schema whose rules are the reject reasons."""

from collections.abc import Callable
from typing import Any

import dataframely as dy
import polars as pl

from mgm.corpus.kinds import LABEL_RULES
from mgm.corpus.rejects import TEXT_MISSING
from mgm.tasks import Task

SPLITS = ("train", "valid", "test")
LANGUAGES = ("en", "zh", "mixed", "other")
DETECT = "detect"
"""The value of a corpus's language that makes ingest leave it null and cleaning detect it."""

_ROW = "_row"


def document_schema(tasks: list[Task]) -> pl.Schema:
    """Return the columns of a corpus's documents: identity, text, language, group, split, then one column a task."""
    fixed = ("doc_id", "text", "lang", "group", "split")
    return pl.Schema(
        {name: pl.String() for name in fixed} | {task.columns.label: task.column_type for task in tasks}
    )


def row_contract(tasks: list[Task]) -> type[dy.Schema]:
    """Return the schema that `enforce` filters by: one rule a reject reason."""
    rules = {TEXT_MISSING: [pl.col("text").is_not_null()]}
    for task in tasks:
        for reason, expression in LABEL_RULES[task.kind].rules(task.columns.label).items():
            rules.setdefault(reason, []).append(expression)
    members: dict[str, Any] = {name: dy.Any() for name in [_ROW, *document_schema(tasks)]}
    members |= {reason: _rule(pl.all_horizontal(expressions)) for reason, expressions in rules.items()}
    return type("Documents", (dy.Schema,), members)


def _rule(expression: pl.Expr) -> Any:
    check: Callable[[Any], pl.Expr] = lambda cls: expression  # noqa: E731 (dataframely wants a function of the class)
    return dy.rule()(check)


def enforce(frame: pl.DataFrame, contract: type[dy.Schema]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that keep the contract, in their order, and the others with every rule that they break.

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
