"""Labels of generation: list[i32], the subwords of the target and their end."""

import polars as pl

from mgm.tasks import Task
from mgm.tasks.kinds import GENERATION
from mgm.text.labels.encoder import LABEL_ENCODERS, LabelEncoder
from mgm.text.subwords import Subwords


class TargetEncoder(LabelEncoder):
    """A target text a document."""

    def encode(self, frame: pl.DataFrame, task: Task, *, subwords: Subwords | None) -> pl.Series | None:
        """Return the ids of each target's pieces; None without `subwords`."""
        return None if subwords is None else subwords.encode_targets(frame[task.columns.label])


LABEL_ENCODERS.register(GENERATION.name, TargetEncoder())
