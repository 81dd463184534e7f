"""The columns of a task in tables.

Within the pipeline each is `<role>:<task>`, such as `label:topic`: no other column has a colon in its name, so that a task may be
called `group`, `words` or `score` and meets neither another column nor one of another task. The tables that users read have the
user's names instead: `<task>` for its predictions, and `<task>_<role>` for what belongs to them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_PREDICTION = "prediction"


@dataclass(frozen=True)
class TaskColumns:
    """The names of a task's columns within the pipeline; `of` gives those of further roles."""

    task: str

    def of(self, role: str) -> str:
        """Return the column of a role, a word without a colon."""
        return f"{role}:{self.task}"

    @property
    def label(self) -> str:
        """The labels as the user gave them: documents, tokens, features, and predictions beside them."""
        return self.of("label")

    @property
    def label_ids(self) -> str:
        """The labels as numbers: features."""
        return self.of("label_ids")

    @property
    def teacher(self) -> str:
        """The predictions of teachers: features in training."""
        return self.of("teacher")

    @property
    def prediction(self) -> str:
        """The predictions."""
        return self.of(_PREDICTION)

    @property
    def score(self) -> str:
        """The probabilities of the predicted labels, or the log-probability of a text."""
        return self.of("score")

    @property
    def probs(self) -> str:
        """The probabilities of all labels, in the order of the label space."""
        return self.of("probs")

    @property
    def truncated(self) -> str:
        """Whether a text was generated from a part of the document alone."""
        return self.of("truncated")


def calibrated_column(task: str) -> str:
    """Return the column of the tables of nights that says whether a task's scores are calibrated."""
    return f"{task}_calibrated"


def output_names(columns: Iterable[str]) -> dict[str, str]:
    """Return the names that users read for the columns of a table of predictions.

    Raises:
        ValueError: two columns have one name; names of tasks that lead there are refused in settings (mgm/tasks/names.py), and may
            be those of a bundle from before.
    """
    names = {column: _output_name(column) for column in columns}
    taken: dict[str, str] = {}
    for column, name in names.items():
        other = taken.setdefault(name, column)
        if other != column:
            raise ValueError(
                f"the predictions have two columns {name!r}, of {_described(other)} and of {_described(column)}; "
                "expected tasks of other names"
            )
    return names


def _output_name(column: str) -> str:
    role, colon, task = column.partition(":")
    if not colon:
        return column
    return task if role == _PREDICTION else f"{task}_{role}"


def _described(column: str) -> str:
    task = column.partition(":")[2]
    return f"task {task!r}" if task else "every model"
