"""The teachers of a task: their mean predictions for its documents, stored beside the features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mgm.corpus.parts import read_manifest
from mgm.files import file_sha256
from mgm.tasks import Task
from mgm.text.feature_tables import read_feature_parts
from mgm.training.distillation.scores import average_teachers, has_target, label_agreement
from mgm.training.distillation.store import save_teacher_predictions


def store_teachers(
    task: Task, files: Sequence[Path], *, features: Path, store: Path, temperature: float
) -> dict[str, Any]:
    """Average the scores of a task's teachers, and write the predictions for its documents.

    Args:
        task: the task, with its label space.
        files: the teachers' scores.
        features: the folder of all corpora's features.
        store: the folder to write to.
        temperature: logits are divided by it.

    Returns:
        files with their hashes, temperature, documents with a prediction, the number of those without a label (unlabelled), and the
        agreement with labels.

    Raises:
        FileNotFoundError, ValueError: see `average_teachers`.
    """
    documents = {corpus: _read_documents(features / corpus, task) for corpus in task.corpora}
    predictions = average_teachers(files, task, documents=documents, temperature=temperature)
    ends = np.cumsum([frame.height for frame in documents.values()])
    for corpus, of_corpus in zip(documents, np.split(predictions, ends[:-1]), strict=True):
        rows = [part.rows for part in read_manifest(features / corpus).parts]
        save_teacher_predictions(store, task, corpus=corpus, predictions=of_corpus, part_rows=rows)
    labels = pl.concat(frame[task.columns.label_ids] for frame in documents.values())
    predicted = has_target(predictions)
    return {
        "files": {path.as_posix(): file_sha256(path) for path in files},
        "temperature": temperature,
        "documents": int(predicted.sum()),
        "unlabelled": int((pl.Series(predicted) & labels.is_null()).sum()),
        "agreement": label_agreement(predictions, labels, task=task),
    }


def _read_documents(folder: Path, task: Task) -> pl.DataFrame:
    """Return doc_id, split and the encoded labels of all documents of a corpus."""
    columns = ["doc_id", "split", task.columns.label_ids]
    return pl.concat(part.documents.select(columns) for part in read_feature_parts(folder))
