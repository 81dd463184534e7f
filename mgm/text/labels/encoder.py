"""The base class of label encoders, and their registry by the kind of a task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import polars as pl

from mgm.tasks import KindRegistry, Task
from mgm.text.subwords import Subwords

UNSEEN = -1
"""The id of a label outside the label space."""


class LabelEncoder(ABC):
    """The treatment of one kind's labels: how they are listed, dropped where they are rare, and encoded as numbers."""

    @abstractmethod
    def encode(self, frame: pl.DataFrame, task: Task, *, subwords: Subwords | None) -> pl.Series | None:
        """Return the task's labels as numbers, row by row, or None where they cannot be encoded.

        Args:
            frame: tokens of documents with the task's column.
            task: a task with its label space.
            subwords: the pieces that targets of generation are spelled with.
        """

    def flatten(self, column: pl.Series) -> pl.Series:
        """Return the names of all labels of a column, one after another, without nulls.

        Only kinds with a label space have it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no label space")

    def drop(self, column: pl.Expr, labels: pl.Series) -> pl.Expr:
        """Return the column without these labels. Only kinds with a label space have it."""
        raise NotImplementedError(f"{type(self).__name__} has no label space")


LABEL_ENCODERS: KindRegistry[LabelEncoder] = KindRegistry("label encoder")


def label_ids(labels: pl.Series, label_space: Sequence[str]) -> pl.Series:
    """Return the place of each label in its space, UNSEEN for others, null for null; i32."""
    known = pl.DataFrame(
        {
            "label": pl.Series(label_space, dtype=pl.String),
            "id": pl.Series(range(len(label_space)), dtype=pl.Int32),
        }
    )
    joined = labels.alias("label").to_frame().join(known, on="label", how="left", maintain_order="left")
    return joined.select(
        pl.when(pl.col("label").is_not_null()).then(pl.col("id").fill_null(UNSEEN))
    ).to_series()
