"""Classification: one label a document."""

import polars as pl

from mgm.tasks.kinds.kind import TaskKind

CLASSIFICATION = TaskKind(
    name="classification",
    column_type=pl.String(),
    first_metric="macro_f1",
    has_label_space=True,
    is_distillable=True,
    has_probabilities=True,
)
