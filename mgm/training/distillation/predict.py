"""A trained network's scores of the training documents, which can teach another network."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from mgm.model.decode import TOKENS_PER_BATCH, decode
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.text.features import FeaturePart
from mgm.training.data import select_training_rows
from mgm.training.kinds import TASK_TRAINING


def predict_scores(
    network: Network,
    task: Task,
    *,
    corpora: Iterable[tuple[str, Iterable[FeaturePart]]],
    tokens_per_batch: int = TOKENS_PER_BATCH,
) -> np.ndarray:
    """Return the columns (n,K) of a teacher's file for every document of `training_documents`, in the same order."""
    kind = TASK_TRAINING[task.kind]
    scores = []
    for corpus, parts in corpora:
        for rows in select_training_rows({corpus: parts}):
            outcome = decode(
                network, rows.part, rows=rows.rows, tasks=[task], tokens_per_batch=tokens_per_batch
            )[task.name]
            assert isinstance(outcome, np.ndarray), f"a {task.kind} task has no scores of documents"
            scores.append(kind.scores(outcome))
    return np.concatenate(scores)


def training_documents(task: Task, corpora: Iterable[tuple[str, Iterable[FeaturePart]]]) -> pl.DataFrame:
    """Return corpus, doc_id, group and the encoded label (null: none) of every training document, labelled or not."""
    columns = ["doc_id", "group", task.columns.label_ids]
    return pl.concat(
        part.documents.filter(split="train").select(pl.lit(corpus).alias("corpus"), *columns)
        for corpus, parts in corpora
        for part in parts
    )
