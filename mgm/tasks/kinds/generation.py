"""Generation: a text a document, such as a translation, a title or a summary."""

import polars as pl

from mgm.tasks.kinds.kind import TaskKind

GENERATION = TaskKind(
    name="generation",
    column_type=pl.String(),
    first_metric="chrf",
    has_label_space=False,
    generates_text=True,
)
