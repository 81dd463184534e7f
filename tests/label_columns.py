"""Raw rows as documents of the pipeline have them: the columns of tasks in their namespace."""

from collections.abc import Iterable

import polars as pl

from mgm.tasks import TaskColumns


def with_label_columns(frame: pl.DataFrame, tasks: Iterable[str]) -> pl.DataFrame:
    """Return the frame with `label:<task>` in place of each column that is named as a task."""
    return frame.rename({task: TaskColumns(task).label for task in tasks}, strict=False)
