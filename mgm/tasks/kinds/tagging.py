"""Tagging: labelled spans of a document, as half-open ranges of code points of its raw text."""

import polars as pl

from mgm.tasks.kinds.kind import TaskKind

SPAN = pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String})
"""The type of a labelled span."""

TAGGING = TaskKind(
    name="tagging",
    column_type=pl.List(SPAN),
    first_metric="span_f1",
    has_label_space=True,
    is_set_valued=True,
    predicts_words=True,
)
