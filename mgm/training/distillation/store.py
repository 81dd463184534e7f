"""The table of teachers' answers beside the features: data/taught.

<task>/<corpus>/part-00000.arrow: one column `<task>__t` (probabilities array[f32, K], or f32), a row for each row of the
corpus's part of features, NaN where no teacher answers; uncompressed, so that it can be memory-mapped.
taught.json: what it was made of, written last.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.training.distillation.scores import Answers

FACTS = "taught.json"


def save_answers(folder: Path, task: Task, corpus: str, answers: Answers, rows: Sequence[int]) -> None:
    """Writes the answers to a corpus's documents, cut into parts of `rows` rows."""
    place = folder / task.name / corpus
    place.mkdir(parents=True, exist_ok=True)
    kind = pl.Float32() if answers.ndim == 1 else pl.Array(pl.Float32, answers.shape[1])
    for index, part in enumerate(np.split(answers, np.cumsum(rows)[:-1])):
        column = pl.Series(task.taught, part, dtype=kind)
        column.to_frame().write_ipc(_path(place, index), compression="uncompressed")


def save_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Writes taught.json, atomically: with it the table is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (FACTS + ".tmp")
    text = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, folder / FACTS)


def check(folder: Path, features: dict[str, str], tasks: Sequence[str]) -> None:
    """That the table was made from these features (corpus to the hash of their manifest) and has these tasks.

    Raises:
        FileNotFoundError: there is no finished table.
        ValueError: the features were others, or a task is not in it.
    """
    path = folder / FACTS
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; run the stage teachers")
    facts = json.loads(path.read_text(encoding="utf-8"))
    for corpus, sha256 in features.items():
        if facts["features"].get(corpus, sha256) != sha256:
            raise ValueError(
                f"{path}: not made from the present features of {corpus}; run the stage teachers again"
            )
    for task in tasks:
        if task not in facts["tasks"]:
            raise ValueError(f"{path}: no answers for task {task!r}; run the stage teachers again")


def with_answers(
    part: FeaturePart, folder: Path, tasks: Sequence[Task], corpus: str, index: int
) -> FeaturePart:
    """A part of features with the answers to its documents as further columns, memory-mapped, for those of `tasks` that
    the corpus labels."""
    columns = [_read(_path(folder / task.name / corpus, index)) for task in tasks if corpus in task.corpora]
    return FeaturePart(part.documents.hstack(columns), part.types) if columns else part


def _path(folder: Path, index: int) -> Path:
    return folder / f"part-{index:05d}.arrow"


def _read(path: Path) -> pl.Series:
    with pa.memory_map(str(path)) as file:
        table = pl.from_arrow(pa.ipc.open_file(file).read_all())
    assert isinstance(table, pl.DataFrame)
    return table.to_series()
