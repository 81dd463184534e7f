"""Labels of multilabel tasks: list[i32], sorted, without labels outside the space."""

import numpy as np
import polars as pl

from mgm.tasks import Task
from mgm.tasks.kinds import MULTILABEL
from mgm.text.labels.encoder import LABEL_ENCODERS, UNSEEN, LabelEncoder, label_ids
from mgm.text.list_columns import flatten, lengths, row_ids, unflatten
from mgm.text.subwords import Subwords


class LabelSetEncoder(LabelEncoder):
    """A set of labels a document; rare ones leave it."""

    def encode(self, frame: pl.DataFrame, task: Task, *, subwords: Subwords | None) -> pl.Series:
        """Return the ids of each document's labels."""
        column = frame[task.columns.label]
        row, ids = row_ids(lengths(column)), label_ids(flatten(column), task.labels)
        keep = (ids.fill_null(UNSEEN) != UNSEEN).to_numpy()
        counts = np.bincount(row[keep], minlength=len(column))
        lists = unflatten(ids.filter(keep), counts, name=column.name, valid=column.is_not_null().to_numpy())
        return lists.list.unique().list.sort()

    def flatten(self, column: pl.Series) -> pl.Series:
        """Return all labels of all documents."""
        return flatten(column).drop_nulls()

    def drop(self, column: pl.Expr, labels: pl.Series) -> pl.Expr:
        """Return the lists without these labels."""
        return column.list.filter(~pl.element().is_in(labels.implode()))


LABEL_ENCODERS.register(MULTILABEL.name, LabelSetEncoder())
