"""The table of teachers' mean predictions beside the features: data/taught.

tasks/<task>/<corpus>/part-00000.arrow: one column `teacher:<task>` (probabilities array[f32, K], or f32) with a row for each row of the
corpus's part of features, NaN where no teacher scored the document; uncompressed, so that it can be memory-mapped.
taught.json: the inputs of the table and the hashes of its parts, written last.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mgm.errors import AlteredInput, MissingInput, StaleInput
from mgm.files import file_sha256, read_json, write_json
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.training.distillation.scores import TeacherPredictions

FACTS = "taught.json"
_TASKS = "tasks"
"""The folder of the tasks' tables, beside whose names no other file lies."""


def save_teacher_predictions(
    folder: Path, task: Task, *, corpus: str, predictions: TeacherPredictions, part_rows: Sequence[int]
) -> None:
    """Write the predictions for a corpus's documents, cut into parts of these numbers of rows."""
    subfolder = folder / _TASKS / task.name / corpus
    subfolder.mkdir(parents=True, exist_ok=True)
    dtype = pl.Float32() if predictions.ndim == 1 else pl.Array(pl.Float32, predictions.shape[1])
    for index, part in enumerate(np.split(predictions, np.cumsum(part_rows)[:-1])):
        column = pl.Series(task.columns.teacher, part, dtype=dtype)
        column.to_frame().write_ipc(_path(subfolder, index), compression="uncompressed")


def save_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write taught.json, which marks the table as complete."""
    parts = sorted((folder / _TASKS).rglob("*.arrow"))
    hashes = {part.relative_to(folder).as_posix(): file_sha256(part) for part in parts}
    write_json(folder / FACTS, facts | {"parts": hashes})


def check_store(folder: Path, *, features: dict[str, str], tasks: Sequence[str]) -> None:
    """Check that the table was made from these features (corpus to the hash of their manifest) and has these tasks.

    Raises:
        MissingInput: there is no finished table.
        StaleInput: it was made from other features or by an earlier version, or lacks a task.
        AlteredInput: a part is gone, or is not the one that was written.
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
    if "parts" not in facts:
        raise StaleInput(path, "no hashes of its parts: of an earlier version", made_by="teachers")
    for name, sha256 in facts["parts"].items():
        if name.split("/")[1] in tasks:
            _check_part(folder / name, sha256)


def _check_part(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise AlteredInput(path, f"gone; expected SHA-256 {sha256[:12]}")
    if (found := file_sha256(path)) != sha256:
        raise AlteredInput(
            path, f"altered since it was written: SHA-256 {found[:12]}; expected {sha256[:12]}"
        )


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
    columns = [
        _read(_path(folder / _TASKS / task.name / corpus, index)) for task in tasks if corpus in task.corpora
    ]
    return FeaturePart(part.documents.hstack(columns), part.types) if columns else part


def _path(folder: Path, index: int) -> Path:
    return folder / f"part-{index:05d}.arrow"


def _read(path: Path) -> pl.Series:
    with pa.memory_map(str(path)) as file:
        table = pl.from_arrow(pa.ipc.open_file(file).read_all())
    assert isinstance(table, pl.DataFrame)
    return table.to_series()
