"""Labels of regression: float32."""

import polars as pl

from mgm.tasks import Task
from mgm.tasks.kinds import REGRESSION
from mgm.text.labels.encoder import LABEL_ENCODERS, LabelEncoder
from mgm.text.subwords import Subwords


class NumberEncoder(LabelEncoder):
    """A number a document."""

    def encode(self, frame: pl.DataFrame, task: Task, *, subwords: Subwords | None) -> pl.Series:
        """Return the numbers as they are."""
        return frame[task.columns.label].cast(pl.Float32)


LABEL_ENCODERS.register(REGRESSION.name, NumberEncoder())
