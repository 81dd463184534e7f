"""The checks of sets of labels."""

import polars as pl

from mgm.quality.kinds.label_space import LabelSpaceChecks
from mgm.quality.kinds.task_checks import TASK_CHECKS
from mgm.tasks import Task
from mgm.tasks.kinds import MULTILABEL


class LabelSetChecks(LabelSpaceChecks):
    """Checks that no label of a set is blank."""

    @classmethod
    def label_name(cls, item: pl.Expr) -> pl.Expr:
        """Return the label of an item of a list."""
        return item

    @classmethod
    def invalid_label(cls, task: Task) -> pl.Expr:
        """Return the fault of a list with a blank label."""
        name = cls.label_name(pl.element())
        invalid = (
            pl.col(task.columns.label).list.eval(name.is_null() | (name.str.strip_chars() == "")).list.any()
        )
        return pl.when(invalid).then(pl.lit(f"{task.name}: a blank label"))

    @classmethod
    def list_labels(cls, documents: pl.LazyFrame) -> pl.LazyFrame:
        """Return a row a label of each list."""
        items = documents.filter(pl.col("label").list.len() > 0).explode("label")
        return items.with_columns(cls.label_name(pl.col("label")).alias("label"))


TASK_CHECKS.register(MULTILABEL.name, LabelSetChecks)
