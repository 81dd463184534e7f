"""The checks of classes: one label a document."""

from typing import ClassVar

import polars as pl

from mgm.quality.kinds.label_space import LabelSpaceChecks
from mgm.quality.kinds.task_checks import TASK_CHECKS
from mgm.quality.task_faults import TaskFaults, format_share
from mgm.tasks import Task
from mgm.tasks.kinds import CLASSIFICATION


class ClassChecks(LabelSpaceChecks):
    """Checks that classes are not blank, and that none is nearly all of training."""

    has_exclusive_classes: ClassVar[bool] = True

    @classmethod
    def invalid_label(cls, task: Task) -> pl.Expr:
        """Return the fault of a blank class."""
        blank = pl.col(task.columns.label).str.strip_chars() == ""
        return pl.when(blank).then(pl.lit(f"{task.name}: a blank label"))

    @classmethod
    def list_labels(cls, documents: pl.LazyFrame) -> pl.LazyFrame:
        """Return the documents as they are: a row a label."""
        return documents

    def num_train_values(self) -> int | None:
        """Return the number of classes in train, of which one alone is nothing to learn."""
        return self.num_train_labels()

    def find_faults(self, faults: TaskFaults) -> None:
        """Add the faults of the task's labels, and that of a class that is nearly all of training."""
        super().find_faults(faults)
        train = self.labels("train")
        if train.height < 2:
            return
        name, most_frequent = train.sort("n", descending=True, maintain_order=True).row(0)[:2]
        n = int(train["n"].sum())
        if most_frequent / n > faults.gate.largest_class_warn:
            limit = faults.describe_limit("largest_class_warn")
            faults.add("largest_class", f"{name!r} is {format_share(most_frequent, n)} in train, {limit}")


TASK_CHECKS.register(CLASSIFICATION.name, ClassChecks)
