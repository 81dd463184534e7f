"""The table of teachers' mean predictions beside the features: data/taught.

<task>/<corpus>/part-00000.arrow: one column `teacher:<task>` (probabilities array[f32, K], or f32) with a row for each row of the
corpus's part of features, NaN where no teacher scored the document; uncompressed, so that it can be memory-mapped.
taught.json: the inputs of the table, written last.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mgm.errors import MissingInput, StaleInput
from mgm.files import read_json, write_json
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.training.distillation.scores import TeacherPredictions

FACTS = "taught.json"


def save_teacher_predictions(
    folder: Path, task: Task, *, corpus: str, predictions: TeacherPredictions, part_rows: Sequence[int]
) -> None:
    """Write the predictions for a corpus's documents, cut into parts of these numbers of rows."""
    subfolder = folder / task.name / corpus
    subfolder.mkdir(parents=True, exist_ok=True)
    dtype = pl.Float32() if predictions.ndim == 1 else pl.Array(pl.Float32, predictions.shape[1])
    for index, part in enumerate(np.split(predictions, np.cumsum(part_rows)[:-1])):
        column = pl.Series(task.columns.teacher, part, dtype=dtype)
        column.to_frame().write_ipc(_path(subfolder, index), compression="uncompressed")


def save_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write taught.json, which marks the table as complete."""
    write_json(folder / FACTS, facts)


def check_store(folder: Path, *, features: dict[str, str], tasks: Sequence[str]) -> None:
    """Check that the table was made from these features (corpus to the hash of their manifest) and has these tasks.

    Raises:
        MissingInput: there is no finished table.
        StaleInput: it was made from other features, or lacks a task.
    """
    path = folder / FACTS
    if not path.is_file():
        raise MissingInput(path, "no such file", made_by="teachers")
    facts = read_json(path)
    for corpus, sha256 in features.items():
        if facts["features"].get(corpus, sha256) != sha256:
            raise StaleInput(path, f"not made from the present features of {corpus}", made_by="teachers")
    for task in tasks:
        if task not in facts["tasks"]:
            raise StaleInput(path, f"no predictions for task {task!r}", made_by="teachers")


def add_teacher_predictions(
    part: FeaturePart, folder: Path, *, tasks: Sequence[Task], corpus: str, index: int
) -> FeaturePart:
    """Return a part of features with teachers' predictions as further columns, memory-mapped.

    Args:
        part: part number `index` of the corpus.
        folder: the table.
        tasks: tasks with teachers; those that the corpus does not label are left out.
        corpus: the name of the corpus.
        index: the number of the part.
    """
    columns = [_read(_path(folder / task.name / corpus, index)) for task in tasks if corpus in task.corpora]
    return FeaturePart(part.documents.hstack(columns), part.types) if columns else part


def _path(folder: Path, index: int) -> Path:
    return folder / f"part-{index:05d}.arrow"


def _read(path: Path) -> pl.Series:
    with pa.memory_map(str(path)) as file:
        table = pl.from_arrow(pa.ipc.open_file(file).read_all())
    assert isinstance(table, pl.DataFrame)
    return table.to_series()
