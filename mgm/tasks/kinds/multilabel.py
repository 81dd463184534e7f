"""Multilabel classification: a set of labels a document."""

import polars as pl

from mgm.tasks.kinds.kind import TaskKind

MULTILABEL = TaskKind(
    name="multilabel",
    column_type=pl.List(pl.String),
    first_metric="micro_f1",
    has_label_space=True,
    is_set_valued=True,
    is_distillable=True,
    has_probabilities=True,
)
