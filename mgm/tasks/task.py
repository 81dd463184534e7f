"""Tasks: a name, a kind, the corpora that label it, and a label space."""

from collections.abc import Mapping
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mgm.tasks.columns import TaskColumns
from mgm.tasks.kinds import TASK_KINDS, TaskKind


class TaskSettings(BaseModel):
    """The settings of a task."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kind: str = Field(json_schema_extra=lambda schema: schema.update(enum=list(TASK_KINDS)))
    """Kind of the task: a built-in one, or one that an installed package adds."""
    corpora: list[str] = Field(min_length=1)
    """Corpora that have labels for it."""
    min_count: int = Field(default=1, ge=1)
    """Minimum number of occurrences in training; a less frequent label is rare."""
    rare: Literal["keep", "null"] = "keep"
    """What happens to rare labels; keep: they stay; null: their rows count as not labelled."""

    @field_validator("kind")
    @classmethod
    def _is_registered(cls, kind: str) -> str:
        if kind not in TASK_KINDS:
            raise ValueError(f"expected one of {', '.join(TASK_KINDS)}")
        return kind


class Task(TaskSettings):
    """A task of this run: its settings, with those of its corpora that are enabled, its name and its label space."""

    name: str
    labels: tuple[str, ...] = ()
    """The label space, made from training, in the order of label ids.

    It is empty before features are made, for kinds without one, and for tasks without a label in training. Of a generation task
    it holds the subwords.
    """

    @property
    def spec(self) -> TaskKind:
        """The kind of the task."""
        return TASK_KINDS[self.kind]

    @property
    def column_type(self) -> pl.DataType:
        """The type of the task's column in tables of documents."""
        return self.spec.column_type

    @property
    def first_metric(self) -> str:
        """The metric that floors, early stopping and comparisons read."""
        return self.spec.first_metric

    @property
    def columns(self) -> TaskColumns:
        """The names of its columns in tables within the pipeline."""
        return TaskColumns(self.name)


def tasks_of(settings: Mapping[str, TaskSettings], enabled: Mapping[str, object]) -> list[Task]:
    """Return every task with at least one enabled corpus, sorted by name, generation tasks too."""
    return [
        Task(name=name, **(task.model_dump() | {"corpora": [c for c in task.corpora if c in enabled]}))
        for name, task in sorted(settings.items())
        if any(c in enabled for c in task.corpora)
    ]


def with_label_spaces(tasks: list[Task], label_spaces: Mapping[str, list[str]]) -> list[Task]:
    """Return tasks with their label spaces, which are given by task name; a task without one gets an empty one."""
    return [task.model_copy(update={"labels": tuple(label_spaces.get(task.name, ()))}) for task in tasks]
