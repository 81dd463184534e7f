"""The frame `tasks` of the per-corpus gates: a row a task of the corpus, generation too.

    task, kind, rows, labelled, labelled_share, train_labelled, valid_labelled, test_labelled
    train_labels                distinct labels in train; null for numbers and texts, and where train_labelled is 0
    train_values                distinct classes or numbers in train; null for other kinds, and where train_labelled is 0
  and faults, each a text that states the count, its total and the threshold, or null; a fault that stops is no warning too:
    labelled_low_...            few rows of a split are labelled (a split without any is another check's)
    empty_lists_...             many labelled rows have an empty list
    many_labels_...             training has many different labels
    labels_alike                labels that look the same
    largest_class               one class of several makes up most of training
    unseen_labels_...           many labels of validation and test are none of training's
    missing_held_out            labels frequent in training that no held-out row has
    split_mix                   the labels of validation or test are mixed otherwise than training's
    conflicts_...               many copies carry different labels; null after ingest
    target_in_source_...        generation: many targets are a line of their document's text, so that copying is learned
where ... is both `warned` and `stopped`. Their thresholds are params.yaml's `gates.tasks.<task>`.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from mgm.corpus.contract import SPLITS
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.quality.kinds import TASK_CHECKS, TaskChecks
from mgm.quality.task_faults import FAULTS, TaskFaults
from mgm.settings.gates import TaskGate
from mgm.tasks import Task

SCHEMA = pl.Schema(
    {"task": pl.String(), "kind": pl.String()}
    | dict.fromkeys(("rows", "labelled", *(f"{split}_labelled" for split in SPLITS)), pl.Int64())
    | {"labelled_share": pl.Float64(), "train_labels": pl.Int64(), "train_values": pl.Int64()}
    | dict.fromkeys(FAULTS, pl.String())
)


class TaskFrameBuilder:
    """Counts the labels of a corpus's tasks part by part."""

    def __init__(self, tasks: list[Task]) -> None:
        """Begin without any document."""
        self._checks = [TASK_CHECKS[task.kind](task) for task in tasks]

    def add(self, frame: pl.DataFrame) -> None:
        """Add a part of documents: doc_id, text, split and the columns of the tasks."""
        for checks in self._checks:
            checks.add(frame)

    def frame(self, gates: Mapping[str, TaskGate], deduplicated: Mapping[str, Any] | None = None) -> Frame:
        """Return the frame, with the ids of documents behind its faults.

        Args:
            gates: thresholds by task; a task that is not named has the defaults.
            deduplicated: the statistics of the stage deduplicate; None before it.
        """
        rows: list[dict[str, Any]] = []
        examples: dict[str, list[str]] = {}
        for checks in self._checks:
            name = checks.task.name
            faults = TaskFaults(name, gates.get(name, TaskGate()))
            checks.find_faults(faults)
            if deduplicated is not None:
                _check_conflicts(checks, deduplicated, faults=faults)
            rows.append(_count(checks) | faults.texts)
            for column, ids in faults.examples.items():
                shown = [f"{doc_id} ({name})" for doc_id in ids]
                examples[column] = [*examples.get(column, []), *shown][:SHOWN_ROWS]
        return Frame(rows=pl.DataFrame(rows, schema=SCHEMA), id_column="task", examples=examples)


def _count(checks: TaskChecks) -> dict[str, Any]:
    """Return the columns of numbers of a task."""
    num_rows, num_labelled = checks.num_rows(), checks.num_labelled()
    by_split = {
        f"{split}_labelled": checks.num_labelled(split) if checks.num_rows(split) else None
        for split in SPLITS
    }
    return {
        "task": checks.task.name,
        "kind": checks.task.kind,
        "rows": num_rows,
        "labelled": num_labelled,
        "labelled_share": num_labelled / num_rows if num_rows else 0.0,
        **by_split,
        "train_labels": checks.num_train_labels(),
        "train_values": checks.num_train_values(),
    }


def _check_conflicts(checks: TaskChecks, deduplicated: Mapping[str, Any], *, faults: TaskFaults) -> None:
    """Report copies with different labels."""
    task = checks.task.name
    faults.check_share(
        "conflicts",
        deduplicated["conflicts"].get(task, 0),
        total=checks.num_labelled(),
        text="labelled rows: clusters of copies with different labels",
        ids=[
            "=".join(map(str, example["doc_ids"]))
            for example in deduplicated["examples"]
            if example["task"] == task
        ],
    )
