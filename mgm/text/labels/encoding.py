"""Label columns of documents: without rare labels, as numbers, and the counts of labels without a number."""

from collections.abc import Mapping, Sequence

import polars as pl

from mgm.tasks import Task
from mgm.text.labels.encoder import LABEL_ENCODERS, UNSEEN, label_ids
from mgm.text.labels.spaces import flat_labels
from mgm.text.subwords import Subwords


def drop_rare(
    frame: pl.DataFrame, tasks: Sequence[Task], *, rare: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Remove rare labels from the columns: a class becomes null, a label leaves its list, a span is dropped."""
    for task in tasks:
        labels = pl.Series(rare.get(task.name, []), dtype=pl.String)
        if task.columns.label in frame.columns and len(labels):
            column = LABEL_ENCODERS[task.kind].drop(pl.col(task.columns.label), labels)
            frame = frame.with_columns(column.alias(task.columns.label))
    return frame


def encode(frame: pl.DataFrame, tasks: Sequence[Task], *, subwords: Subwords | None = None) -> pl.DataFrame:
    """Add the column of label ids for each task whose column the frame has; null: not labelled. Each kind's module defines its type.

    Args:
        frame: tokens of documents.
        tasks: tasks with their label spaces.
        subwords: the pieces that targets of generation are spelled with; without them these tasks get no column.
    """
    columns = {
        task.columns.label_ids: LABEL_ENCODERS[task.kind].encode(frame, task, subwords=subwords)
        for task in tasks
        if task.columns.label in frame.columns
    }
    return frame.with_columns(column.alias(name) for name, column in columns.items() if column is not None)


def count_unseen(frame: pl.DataFrame, tasks: Sequence[Task]) -> dict[str, int]:
    """Return the number of labels of each task that are outside its label space."""
    return {
        task.name: int((label_ids(flat_labels(frame, task), task.labels) == UNSEEN).sum())
        for task in tasks
        if task.spec.has_label_space and task.columns.label in frame.columns
    }
