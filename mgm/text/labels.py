"""Label spaces, and labels as numbers: `<task>__y` columns."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from mgm.tasks import Task
from mgm.text.list_columns import Array, flat, flat_array, lengths, ragged, ranges, row_ids
from mgm.text.offsets import keys
from mgm.text.subwords import Subwords

Counts = dict[str, dict[str, int]]
"""Task to label to how many times: documents, and for tagging spans."""

UNSEEN = -1
OUTSIDE = 0
HAS_LABELS = ("classification", "multilabel", "tagging")


def label_values(frame: pl.DataFrame, task: Task) -> pl.Series:
    """Every label of a task's column, flat, nulls left out."""
    column = frame[task.name]
    if task.kind == "classification":
        return column.drop_nulls()
    values = flat(column)
    return (values.struct.field("label") if task.kind == "tagging" else values).drop_nulls()


def count_labels(parts: Iterable[pl.DataFrame], tasks: Sequence[Task]) -> Counts:
    """How often each label occurs in the training split, for the tasks whose columns a part has."""
    counts: dict[str, Counter[str]] = {task.name: Counter() for task in tasks if task.kind in HAS_LABELS}
    for part in parts:
        train = part.filter(pl.col("split") == "train")
        for task in tasks:
            if task.kind in HAS_LABELS and task.name in part.columns:
                found = label_values(train, task).alias("label").value_counts(sort=True, name="n")
                counts[task.name].update(dict(found.select("label", "n").iter_rows()))
    return {name: dict(sorted(counter.items())) for name, counter in counts.items()}


def rare_labels(counts: Counts, tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Labels that count as not given: seen in training, but fewer than `min_count` times (`rare: null`)."""
    return {
        task.name: [label for label, n in sorted(counts[task.name].items()) if n < task.min_count]
        for task in tasks
        if task.kind in HAS_LABELS and task.rare == "null"
    }


def build_label_spaces(counts: Counts, tasks: Sequence[Task]) -> dict[str, list[str]]:
    """The labels of each task in the order of their numbers, that of their names; rare ones left out.

    Raises:
        ValueError: a task has no label in the training rows, so nothing could be learnt.
    """
    rare = rare_labels(counts, tasks)
    spaces = {}
    for task in tasks:
        if task.kind not in HAS_LABELS:
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
    """Writes label spaces as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(spaces, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> dict[str, list[str]]:
    """Reads what `save` wrote.

    Raises:
        FileNotFoundError: there is no such file.
    """
    spaces: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return spaces


def drop_rare(frame: pl.DataFrame, tasks: Sequence[Task], rare: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Takes rare labels out of the columns: a class becomes null, a label leaves its list, a span goes."""
    for task in tasks:
        names = pl.Series(rare.get(task.name, []), dtype=pl.String)
        if task.name not in frame.columns or names.is_empty():
            continue
        column = pl.col(task.name)
        if task.kind == "classification":
            frame = frame.with_columns(pl.when(~column.is_in(names.implode())).then(column).alias(task.name))
        else:
            label = pl.element().struct.field("label") if task.kind == "tagging" else pl.element()
            frame = frame.with_columns(column.list.filter(~label.is_in(names.implode())))
    return frame


def encode(
    frame: pl.DataFrame,
    tasks: Sequence[Task],
    spaces: Mapping[str, Sequence[str]],
    subwords: Subwords | None = None,
) -> pl.DataFrame:
    """Adds `<task>__y` for each task whose column the frame has; generation tasks have one where there are
    `subwords`.

    classification int32 (UNSEEN for a label outside the space); multilabel list[i32], sorted, unseen labels
    left out; regression float32; tagging list[i16], one a word: 0 outside, 1 + 2i the first word of a span of
    label i, 2 + 2i a further one (needs `start`, `end`); generation list[i32], subwords with their end. Null: not labelled.
    """
    columns = []
    for task in tasks:
        if task.name not in frame.columns:
            continue
        column, space = frame[task.name], spaces.get(task.name, [])
        if task.kind == "classification":
            columns.append(_ids(column, space).alias(task.encoded))
        elif task.kind == "multilabel":
            columns.append(_encode_lists(column, space).alias(task.encoded))
        elif task.kind == "regression":
            columns.append(column.cast(pl.Float32).alias(task.encoded))
        elif task.kind == "tagging":
            columns.append(_encode_spans(frame, column, space).alias(task.encoded))
        elif subwords is not None:
            columns.append(subwords.targets(column).alias(task.encoded))
    return frame.with_columns(columns)


def unseen(frame: pl.DataFrame, tasks: Sequence[Task], spaces: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many labels of each task are outside its label space."""
    return {
        task.name: int((_ids(label_values(frame, task), spaces[task.name]) == UNSEEN).sum())
        for task in tasks
        if task.kind in HAS_LABELS and task.name in frame.columns
    }


def _ids(labels: pl.Series, space: Sequence[str]) -> pl.Series:
    """The place of each label in its space, UNSEEN for others, null for null; i32."""
    known = pl.DataFrame(
        {"label": pl.Series(space, dtype=pl.String), "id": pl.Series(range(len(space)), dtype=pl.Int32)}
    )
    found = labels.alias("label").to_frame().join(known, on="label", how="left", maintain_order="left")
    return found.select(
        pl.when(pl.col("label").is_not_null()).then(pl.col("id").fill_null(UNSEEN))
    ).to_series()


def _encode_lists(column: pl.Series, space: Sequence[str]) -> pl.Series:
    row, ids = row_ids(lengths(column)), _ids(flat(column), space)
    keep = (ids.fill_null(UNSEEN) != UNSEEN).to_numpy()
    counts = np.bincount(row[keep], minlength=len(column))
    lists = ragged(column.name, ids.filter(keep), counts, valid=column.is_not_null().to_numpy())
    return lists.list.unique().list.sort()


def _encode_spans(frame: pl.DataFrame, column: pl.Series, space: Sequence[str]) -> pl.Series:
    counts = lengths(frame["start"])
    row, spans = row_ids(lengths(column)), flat(column)
    labels = _ids(spans.struct.field("label"), space).fill_null(UNSEEN).to_numpy()
    first, last = _words_of_spans(
        row, spans.struct.field("start").to_numpy(), spans.struct.field("end").to_numpy(), frame
    )
    known = (labels != UNSEEN) & (first < last)
    size = (last - first)[known]
    place = ranges(size)
    tags = np.full(counts.sum(), OUTSIDE, dtype=np.int16)
    tags[np.repeat(first[known], size) + place] = 1 + 2 * np.repeat(labels[known], size) + (place > 0)
    labelled = column.is_not_null().to_numpy()
    return ragged(
        column.name,
        pl.Series(tags[np.repeat(labelled, counts)]),
        np.where(labelled, counts, 0),
        valid=labelled,
    )


def _words_of_spans(row: Array, start: Array, end: Array, frame: pl.DataFrame) -> tuple[Array, Array]:
    """The flat words [first, last) that each span overlaps; words that spans share are the earlier one's."""
    word_row = row_ids(lengths(frame["start"]))
    first = np.searchsorted(keys(word_row, flat_array(frame["end"])), keys(row, start), side="right")
    last = np.searchsorted(keys(word_row, flat_array(frame["start"])), keys(row, end), side="left")
    order = np.lexsort((-last, first))
    taken = np.maximum.accumulate(np.append(0, last[order]))[:-1]
    first[order] = np.maximum(first[order], taken)
    return first, last
