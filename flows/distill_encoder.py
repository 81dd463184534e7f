"""Teachers by a pretrained encoder: cross-fitted linear models on its vectors of the training documents.

`mgm distill --encoder data/encoders/minilm` computes a vector of every training document once, fits a linear model for each fold of
each task, and writes its answers for documents that it has not seen. Vectors that a killed run computed are kept.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from flows import lock
from flows.distill import FOLDS
from flows.dvc_command import dvc_repro
from flows.project import ENCODERS, LABELS, TEACHERS, UNIQUE
from flows.teacher_files import teachable_tasks
from flows.training_run import read_features
from mgm.corpus.parts import read_table
from mgm.corpus.progress import progress
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.training.determinism import Threads, deterministic
from mgm.training.distillation.linear_teacher import teach_linear
from mgm.training.distillation.predict import training_documents
from mgm.training.distillation.scores import save_scores

VECTORS = FOLDS / "vectors"
"""The vectors of documents, a file a block, named for the hash of encoder, settings and texts."""
BLOCK_DOCUMENTS = 1_024

_logger = logging.getLogger(__name__)


def teach_by_encoder(folder: Path, names: Sequence[str], *, num_folds: int) -> dict[str, list[str]]:
    """Write the answers of linear models on an encoder's vectors into data/teachers, and return task to files.

    Args:
        folder: the folder of the encoder, or its name below data/encoders.
        names: the tasks; none: all tasks that can have a teacher.
        num_folds: the folds of each task.

    Raises:
        MissingExtra: the package that reads encoders is not installed.
        FileNotFoundError: there is no such folder, or it lacks a file.
        ValueError: a task of this name is not trained, can have no teacher, or has too few labels for folds; the encoder cannot be read.
        ChildProcessError: a stage that makes the features failed.
        BlockingIOError: another run is at work in this folder.
    """
    with lock.workspace():
        settings = TrainingSettings.load()
        tasks = teachable_tasks(settings.active_tasks(), names)
        folder = folder if folder.is_dir() or not (ENCODERS / folder).is_dir() else ENCODERS / folder
        encoder = _DocumentEncoder.load(folder, settings)
        dvc_repro("gate_features")
        files: dict[str, list[str]] = {}
        for task in with_label_spaces(tasks, labels.load(LABELS)):
            name = f"{task.name}/{folder.resolve().name}.parquet"
            _teach(task, encoder, num_folds=num_folds, path=TEACHERS / name)
            files[task.name] = [name]
    return files


def _teach(task: Task, encoder: "_DocumentEncoder", *, num_folds: int, path: Path) -> None:
    documents = training_documents(task, [(corpus, read_features(corpus)) for corpus in task.corpora])
    vectors = np.concatenate([encoder.vectors(corpus) for corpus in task.corpora])
    teacher = teach_linear(vectors, documents, task=task, num_folds=num_folds)
    save_scores(path, documents, scores=teacher.scores, task=task)
    num_labelled = documents[task.columns.label_ids].is_not_null().sum()
    _logger.info(
        f"teacher of {task.name}: {documents.height:,} documents answered; score {teacher.quality:.3f} on the {num_labelled:,} "
        f"labelled ones, which it had not seen (c {teacher.c:g})"
    )


@dataclass(frozen=True, kw_only=True)
class _DocumentEncoder:
    """An encoder, and the vectors that it has computed."""

    encoder: PretrainedEncoder
    facts: str
    """Everything beside the texts that decides the vectors."""
    threads: Threads
    of_corpora: dict[str, np.ndarray]

    @classmethod
    def load(cls, folder: Path, settings: TrainingSettings) -> "_DocumentEncoder":
        reading = settings.model.pretrained.model_copy(update={"enabled": True, "path": folder.name})
        encoder = PretrainedEncoder.load(folder, reading)
        encoder.to("cuda" if torch.cuda.is_available() else "cpu")
        facts = reading.model_dump(mode="json", exclude={"enabled", "path", "train"})
        return cls(
            encoder=encoder,
            facts=json.dumps([encoder.files.sha256, facts], sort_keys=True),
            threads=settings.train.threads,
            of_corpora={},
        )

    def vectors(self, corpus: str) -> np.ndarray:
        """Return the vectors (n,D) of a corpus's training documents, in the order of its features."""
        if corpus not in self.of_corpora:
            texts = _training_texts(corpus)
            starts = range(0, len(texts), BLOCK_DOCUMENTS)
            _logger.info(f"encoding {corpus}: {len(texts):,} training documents")
            blocks = [
                self._block(texts[start : start + BLOCK_DOCUMENTS])
                for start in progress(starts, f"encoding {corpus}", total=len(starts), unit=" blocks")
            ]
            self.of_corpora[corpus] = np.concatenate(blocks)
        return self.of_corpora[corpus]

    def _block(self, texts: list[str]) -> np.ndarray:
        digest = hashlib.sha256(json.dumps([self.facts, texts]).encode()).hexdigest()
        path = VECTORS / f"{digest[:32]}.npy"
        if not path.is_file():
            with deterministic(self.threads):
                vectors = self.encoder.encode_texts(texts)
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part.npy")
            np.save(unfinished, vectors, allow_pickle=False)
            unfinished.replace(path)
        loaded: np.ndarray = np.load(path, allow_pickle=False)
        return loaded


def _training_texts(corpus: str) -> list[str]:
    ids = pl.concat(part.documents.filter(split="train").select("doc_id") for part in read_features(corpus))
    texts = read_table(UNIQUE / corpus, ["doc_id", "text"])
    column = ids.join(texts, on="doc_id", how="left", maintain_order="left")["text"]
    assert not column.null_count(), "features are made from these documents"
    return column.to_list()
