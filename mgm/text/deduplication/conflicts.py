"""Copies of one text that carry different labels for one task."""

from typing import Any

import polars as pl

from mgm.tasks import Task

EXAMPLES = 20
EXAMPLE_DOCUMENTS = 5


def label_columns(tasks: list[Task], columns: list[str]) -> list[pl.Expr]:
    """Of each task a number `<task>` that is the same where the labels are; null where there is none.

    Lists count as sets. For spans, whose offsets mean something in one text only, there is also `text`: the
    same where the raw texts are (the clean text and its edits say so).
    """
    found = [
        pl.when(pl.col(task.name).is_not_null()).then(_comparable(task).hash()).alias(task.name)
        for task in tasks
    ]
    if any(task.kind == "tagging" for task in tasks):
        found.append(
            pl.struct([c for c in ("text", "edits") if c in columns])
            .struct.json_encode()
            .hash()
            .alias("text")
        )
    return found


def _comparable(task: Task) -> pl.Expr:
    column = pl.col(task.name)
    if task.kind == "tagging":
        span = pl.format("{} {} {}", *(pl.element().struct.field(f) for f in ("start", "end", "label")))
        return column.list.eval(span).list.unique().list.sort().list.join("\n")
    if task.kind == "multilabel":
        return column.list.unique().list.sort().list.join("\n")
    return column


def conflicts(members: pl.DataFrame, tasks: list[Task]) -> dict[str, pl.DataFrame]:
    """By task, the rows of the clusters in which its labels differ: `cluster`, `doc_id`; one row of each
    label.

    Args:
        members: the rows of all clusters in the corpus's order: doc_id, cluster and `label_columns`.
    """
    found = {}
    for task in tasks:
        same = ["cluster", "text"] if task.kind == "tagging" else ["cluster"]
        labelled = members.filter(pl.col(task.name).is_not_null())
        differ = labelled.unique([*same, task.name], keep="first", maintain_order=True)
        found[task.name] = differ.filter(pl.len().over(same) > 1).select("cluster", "doc_id")
    return found


def chosen(found: dict[str, pl.DataFrame]) -> list[tuple[str, list[str]]]:
    """The examples to be shown, as (task, doc_ids): as many of each task that has conflicts."""
    share = EXAMPLES // max(sum(rows.height > 0 for rows in found.values()), 1)
    examples = []
    for task, rows in sorted(found.items()):
        clusters = rows.group_by("cluster", maintain_order=True).agg(pl.col("doc_id").head(EXAMPLE_DOCUMENTS))
        examples += [(task, ids) for ids in clusters["doc_id"].head(share).to_list()]
    return examples


def shown(examples: list[tuple[str, list[str]]], rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The examples with their labels, which `rows` holds by doc_id."""
    by_id = {row["doc_id"]: row for row in rows.iter_rows(named=True)}
    return [{"task": task, "doc_ids": ids, "labels": [by_id[i][task] for i in ids]} for task, ids in examples]
