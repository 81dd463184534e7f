"""Labels of classification: int32, UNSEEN for a label outside the space."""

import polars as pl

from mgm.tasks import Task
from mgm.tasks.kinds import CLASSIFICATION
from mgm.text.labels.encoder import LABEL_ENCODERS, LabelEncoder, label_ids
from mgm.text.subwords import Subwords


class ClassEncoder(LabelEncoder):
    """One label a document; a rare one becomes null."""

    def encode(self, frame: pl.DataFrame, task: Task, *, subwords: Subwords | None) -> pl.Series:
        """Return the id of each document's label."""
        return label_ids(frame[task.columns.label], task.labels)

    def flatten(self, column: pl.Series) -> pl.Series:
        """Return all labels of a column."""
        return column.drop_nulls()

    def drop(self, column: pl.Expr, labels: pl.Series) -> pl.Expr:
        """Return the column with null in place of these labels."""
        return pl.when(~column.is_in(labels.implode())).then(column)


LABEL_ENCODERS.register(CLASSIFICATION.name, ClassEncoder())
