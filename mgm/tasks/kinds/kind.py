"""The facts about a kind of task that all rooms share: the type of its labels, its first metric, its predictions."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """A kind of task.

    The work of a room for a kind (to encode its labels, its head, its metrics, ...) is in that room, in a `KindRegistry`.
    """

    name: str
    """The name by which params.yaml and the registries know it."""
    column_type: pl.DataType
    """The type of a task's labels in every table of documents. Null: not labelled for this task."""
    first_metric: str
    """The metric that floors, early stopping and comparisons read. Higher is better."""
    has_label_space: bool
    """Whether a task has a list of labels, made from training."""
    is_set_valued: bool = False
    """Whether a document has a list of labels, which may be empty."""
    predicts_words: bool = False
    """Whether predictions are made for each word, and not for a document as a whole."""
    generates_text: bool = False
    """Whether predictions are new text, which a decoder generates."""
    is_distillable: bool = False
    """Whether a teacher's predictions can replace labels."""
    has_probabilities: bool = False
    """Whether a score is the probability of a label of the document: temperatures calibrate it, and predictions below one can be left out."""
