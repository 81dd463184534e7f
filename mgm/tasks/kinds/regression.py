"""Regression: a number a document, of an ordinal scale too."""

import polars as pl

from mgm.tasks.kinds.kind import TaskKind

REGRESSION = TaskKind(
    name="regression",
    column_type=pl.Float32(),
    first_metric="pearson",
    has_label_space=False,
    is_distillable=True,
)
