"""What a kind of task is, to every room: the type of its labels, its first metric, and what its models predict."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """A kind of task.

    What a room does for a kind (encoding its labels, its head, its metrics, ...) stands in that room, in a `KindRegistry`.
    """

    name: str
    column_type: pl.DataType
    """Of a task's labels in every table of documents. Null: not labelled for this task."""
    first_metric: str
    """The metric that floors, early stopping and comparisons read. Higher is better."""
    has_label_space: bool
    """Whether a task has a list of labels, made from training."""
    is_set_valued: bool = False
    """Whether a document has a list of labels, which may be empty."""
    predicts_words: bool = False
    """Whether predictions are made for each word, and not for a document as a whole."""
    generates_text: bool = False
    """Whether predictions are new text, which a decoder writes."""
    is_distillable: bool = False
    """Whether a teacher's predictions can stand in for labels."""
