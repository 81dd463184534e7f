"""The checks of numbers: finite, and more than one."""

import polars as pl

from mgm.quality.kinds.task_checks import TASK_CHECKS, TaskChecks
from mgm.tasks import Task
from mgm.tasks.kinds import REGRESSION


class NumberChecks(TaskChecks):
    """Keeps the distinct numbers of train."""

    def __init__(self, task: Task) -> None:
        """Begin without any document."""
        super().__init__(task)
        self._numbers = pl.Series(dtype=pl.Float32)

    @classmethod
    def invalid_label(cls, task: Task) -> pl.Expr:
        """Return the fault of a number that is infinite or NaN."""
        value = pl.col(task.columns.label)
        return pl.when(~value.is_finite()).then(pl.format(task.name + ": {}", value))

    def add_labels(self, frame: pl.DataFrame) -> None:
        """Add the numbers of a part of documents."""
        numbers = frame.filter(pl.col("split") == "train")[self.task.columns.label].drop_nulls()
        self._numbers = pl.concat([self._numbers, numbers.alias("")]).unique()

    def num_train_values(self) -> int | None:
        """Return the number of distinct numbers in train, of which one alone is nothing to learn."""
        return len(self._numbers) if self.num_labelled("train") else None


TASK_CHECKS.register(REGRESSION.name, NumberChecks)
