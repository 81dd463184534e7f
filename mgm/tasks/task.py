"""What a task is: a name, a kind, the corpora that label it, and how its label space is made."""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["classification", "multilabel", "regression", "tagging", "generation"]

SPAN = pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String})

# The type of a task's column in every table of documents, by kind. Null: not labelled for this task.
COLUMN_TYPES: dict[str, pl.DataType] = {
    "classification": pl.String(),
    "multilabel": pl.List(pl.String),
    "regression": pl.Float32(),
    "tagging": pl.List(SPAN),
    "generation": pl.String(),
}

# The column of the predictions that says how unlike the training documents a document is; no task's.
RECONSTRUCTION = "reconstruction_error"

# The kinds of tasks that a teacher's answers can be given for.
TAUGHT_KINDS: tuple[Kind, ...] = ("classification", "multilabel", "regression")

# The metric that floors, early stopping and comparisons read, by kind. All are "higher is better".
FIRST_METRIC: dict[str, str] = {
    "classification": "macro_f1",
    "multilabel": "micro_f1",
    "regression": "pearson",
    "tagging": "span_f1",
    "generation": "chrf",
}


class TaskSettings(BaseModel):
    """A task as params.yaml states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    corpora: list[str] = Field(min_length=1)
    min_count: int = Field(default=1, ge=1)
    """A label seen fewer times than this in training is rare."""
    rare: Literal["keep", "null"] = "keep"
    """What becomes of a rare label: it stays, or the row counts as not labelled."""


class Task(TaskSettings):
    """A task of this run: its settings, its name, and those of its corpora that are enabled."""

    name: str

    @property
    def column_type(self) -> pl.DataType:
        return COLUMN_TYPES[self.kind]

    @property
    def first_metric(self) -> str:
        return FIRST_METRIC[self.kind]

    @property
    def encoded(self) -> str:
        """The name of the column that holds the task's labels as numbers."""
        return f"{self.name}__y"

    @property
    def taught(self) -> str:
        """The name of the column that holds teachers' answers."""
        return f"{self.name}__t"


def tasks_of(settings: Mapping[str, TaskSettings], enabled: Mapping[str, object]) -> list[Task]:
    """Every task with at least one enabled corpus, sorted by name, generation tasks too."""
    return [
        Task(name=name, **(task.model_dump() | {"corpora": [c for c in task.corpora if c in enabled]}))
        for name, task in sorted(settings.items())
        if any(c in enabled for c in task.corpora)
    ]
