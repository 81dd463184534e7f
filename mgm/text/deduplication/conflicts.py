"""Copies of one text that carry different labels for one task, or one of which has all labels of another."""

from typing import Any

import numpy as np
import polars as pl

from mgm.tasks import SPAN, Task, TaskColumns
from mgm.text.list_columns import Array, Flags

SPANS = pl.List(SPAN)
EXAMPLES = 20
EXAMPLE_DOCUMENTS = 5


def label_columns(tasks: list[Task], columns: list[str]) -> list[pl.Expr]:
    """Return the labels as hashes: for each task its column of labels, null where a document has no label.

    Lists are compared as sets. Offsets of spans mean something within one text only, so that for them there is also the column
    `text`: equal hashes for equal raw texts (a raw text is known by its clean text and the edits).
    """
    hashes = [
        pl.when(pl.col(task.columns.label).is_not_null())
        .then(_comparable(task).hash())
        .alias(task.columns.label)
        for task in tasks
    ]
    if any(task.column_type == SPANS for task in tasks):
        hashes.append(
            pl.struct([c for c in ("text", "edits") if c in columns])
            .struct.json_encode()
            .hash()
            .alias("text")
        )
    return hashes


def _comparable(task: Task) -> pl.Expr:
    """Return a task's labels as values that are equal where the labels are."""
    column = pl.col(task.columns.label)
    if task.column_type == SPANS:
        span = pl.format("{} {} {}", *(pl.element().struct.field(f) for f in ("start", "end", "label")))
        column = column.list.eval(span)
    return column.list.unique().list.sort().list.join("\n") if task.spec.is_set_valued else column


def has_labels(labels: pl.DataFrame, tasks: list[Task], *, rows: Array, others: Array) -> Flags:
    """Return whether row rows[i] has the label of row others[i] for each task that the latter has one for.

    Spans of different texts cannot be compared: there any will do.

    Args:
        labels: the hashes of `label_columns`.
        tasks: the tasks whose labels are compared.
        rows: numbers of rows.
        others: numbers of rows.
    """
    result = np.ones(len(rows), np.bool_)
    for task in tasks:
        label = labels[task.columns.label]
        mine, theirs = label[rows], label[others]
        same = mine.is_not_null() if task.column_type == SPANS else (mine == theirs).fill_null(value=False)
        result &= (theirs.is_null() | same).to_numpy()
    return result


def find_conflicts(members: pl.DataFrame, tasks: list[Task]) -> dict[str, pl.DataFrame]:
    """Return, by task, `cluster` and `doc_id` of rows in clusters whose labels differ, one row for each distinct label.

    Args:
        members: the rows of all clusters in the corpus's order: doc_id, cluster and `label_columns`.
        tasks: the tasks whose labels are compared.
    """
    conflicts = {}
    for task in tasks:
        same = ["cluster", "text"] if task.column_type == SPANS else ["cluster"]
        labelled = members.filter(pl.col(task.columns.label).is_not_null())
        differ = labelled.unique([*same, task.columns.label], keep="first", maintain_order=True)
        conflicts[task.name] = differ.filter(pl.len().over(same) > 1).select("cluster", "doc_id")
    return conflicts


def select_examples(conflicts: dict[str, pl.DataFrame]) -> list[tuple[str, list[str]]]:
    """Return examples of conflicts as (task, doc_ids), equally many for each task that has conflicts."""
    share = EXAMPLES // max(sum(rows.height > 0 for rows in conflicts.values()), 1)
    examples = []
    for task, rows in sorted(conflicts.items()):
        clusters = rows.group_by("cluster", maintain_order=True).agg(pl.col("doc_id").head(EXAMPLE_DOCUMENTS))
        examples += [(task, ids) for ids in clusters["doc_id"].head(share).to_list()]
    return examples


def describe_examples(examples: list[tuple[str, list[str]]], rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the examples with their labels, which `rows` holds by doc_id."""
    by_id = {row["doc_id"]: row for row in rows.iter_rows(named=True)}
    return [
        {"task": task, "doc_ids": ids, "labels": [by_id[doc_id][TaskColumns(task).label] for doc_id in ids]}
        for task, ids in examples
    ]
