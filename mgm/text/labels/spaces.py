"""Label spaces: which labels a task has, counted in the training rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from mgm.files import read_json, write_json
from mgm.tasks import Task
from mgm.text.labels.encoder import LABEL_ENCODERS

LabelCounts = dict[str, dict[str, int]]
"""Task to label to its count: of documents, or of all spans."""


def flat_labels(frame: pl.DataFrame, task: Task) -> pl.Series:
    """Return all labels of a task that has a label space, one after another, without nulls."""
    return LABEL_ENCODERS[task.kind].flatten(frame[task.columns.label])


def count_labels(parts: Iterable[pl.DataFrame], tasks: Sequence[Task]) -> LabelCounts:
    """Count each label in the training split, for the tasks whose columns a part has."""
    counts: dict[str, Counter[str]] = {task.name: Counter() for task in tasks if task.spec.has_label_space}
    for part in parts:
        train = part.filter(pl.col("split") == "train")
        for task in tasks:
            if task.spec.has_label_space and task.columns.label in part.columns:
                frequencies = flat_labels(train, task).alias("label").value_counts(sort=True, name="n")
                counts[task.name].update(dict(frequencies.select("label", "n").iter_rows()))
    return {name: dict(sorted(counter.items())) for name, counter in counts.items()}


def add_counts(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of the counts of a task's labels, sorted by label."""
    total = Counter(counts)
    total.update(more)
    return dict(sorted(total.items()))


def find_rare_labels(counts: LabelCounts, tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Return the labels to be dropped, by task: seen in training, but fewer than `min_count` times (`rare: null`)."""
    return {
        task.name: [label for label, n in sorted(counts[task.name].items()) if n < task.min_count]
        for task in tasks
        if task.spec.has_label_space and task.rare == "null"
    }


def build_label_spaces(counts: LabelCounts, tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Return the labels of each task in the order of their ids, which is alphabetical; rare ones are left out.

    Raises:
        ValueError: a task has no label in the training rows, so that nothing could be learnt.
    """
    rare = find_rare_labels(counts, tasks)
    spaces = {}
    for task in tasks:
        if not task.spec.has_label_space:
            continue
        spaces[task.name] = sorted(counts[task.name].keys() - set(rare.get(task.name, [])))
        if not spaces[task.name]:
            seen = (
                f" (labels seen, all fewer than min_count = {task.min_count} times: {len(counts[task.name])})"
            )
            raise ValueError(
                f"task {task.name!r}: the train split of {', '.join(task.corpora)} has no label for it"
                f"{seen if counts[task.name] else ''}; label some rows, or remove the task from params.yaml"
            )
    return spaces


def save(spaces: Mapping[str, Sequence[str]], path: Path) -> None:
    """Write label spaces as JSON."""
    write_json(path, spaces)


def load(path: Path) -> dict[str, list[str]]:
    """Read the label spaces that `save` wrote.

    Raises:
        FileNotFoundError: there is no such file.
    """
    spaces: dict[str, list[str]] = read_json(path)
    return spaces
