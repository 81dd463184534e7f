"""One task's row of the frame `tasks`: its values, and its faults in words."""

import polars as pl

from mgm.quality.frame import SHOWN_ROWS
from mgm.settings.gates import TaskGate

WARNED_AND_STOPPED = (
    "labelled_low", "empty_lists", "many_labels", "unseen_labels", "conflicts", "target_in_source",
)  # fmt: skip
WARNED = ("labels_alike", "largest_class", "missing_held_out", "split_mix")
FAULTS = (
    *WARNED,
    *(f"{name}_{outcome}" for name in WARNED_AND_STOPPED for outcome in ("warned", "stopped")),
)
FEATURE_FAULTS = ("misplaced_spans_warned", "misplaced_spans_stopped")
"""The faults of labels beside words, which the gate after features finds."""
SHOWN_LABELS = 5
SEVERITIES = {"stop": "stopped", "warn": "warned"}
"""The ending of a threshold and of the column of its fault, the severer first: a fault that stops is no warning too."""


class TaskFaults:
    """Collects the faults of one task by column, with the ids of documents behind each."""

    def __init__(self, task: str, gate: TaskGate) -> None:
        """Begin without a fault.

        Args:
            gate: the thresholds of the task.
        """
        self.task = task
        self.gate = gate
        self.texts: dict[str, str | None] = dict.fromkeys(FAULTS)
        self.examples: dict[str, list[str]] = {}

    def add(self, column: str, text: str, *, ids: list[str] | None = None) -> None:
        """Add a fault."""
        self.texts[column] = f"{self.task}: {text}"
        if ids:
            self.examples[column] = ids[:SHOWN_ROWS]

    def check_share(
        self, column: str, n: int, *, total: int, text: str, ids: list[str], parameter: str | None = None
    ) -> None:
        """Add a fault if n is a larger share of the total than the thresholds allow.

        Args:
            column: without its ending.
            text: a sentence's end, after "n of total".
            parameter: the thresholds' name without its ending; None: as the column.
        """
        for ending, outcome in SEVERITIES.items():
            name = f"{parameter or column}_{ending}"
            max_share = getattr(self.gate, name)
            if total and n / total > max_share:
                limit = self.describe_limit(name)
                self.add(f"{column}_{outcome}", f"{format_share(n, total)} {text}, {limit}", ids=ids)
                return

    def describe_limit(self, parameter: str, *, comparison: str = "above", after: str = "") -> str:
        """Return a threshold in words, and where it is set."""
        limit = f"{comparison} {getattr(self.gate, parameter):g}" + (f" {after}" if after else "")
        return f"{limit} (params.yaml: gates.tasks.{self.task}.{parameter})"


def format_share(n: int, total: int) -> str:
    """Return a count as part of a total."""
    return f"{n:,} of {total:,} ({n / total:.1%})"


def format_labels(labels: pl.DataFrame) -> str:
    """Return the first labels of a table."""
    names = [repr(name) for name in labels["label"].head(SHOWN_LABELS)]
    return ", ".join(names) + (", ..." if labels.height > SHOWN_LABELS else "")
