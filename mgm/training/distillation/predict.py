"""What a trained network says of its training documents, as scores that teach another (teachers.py).

Axes: n documents, K labels.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from mgm.model.decode import TOKENS_PER_BATCH, decode
from mgm.model.network import Network
from mgm.tasks import Task, with_label_spaces
from mgm.text.features import FeaturePart
from mgm.training.distillation.scores import columns_of

_LEAST = 1e-7
"""A probability nearer to 0 or 1 counts as this far from it, so that its logarithm is finite."""


def scores_of(
    network: Network,
    task: Task,
    labels: dict[str, list[str]],
    corpora: Iterable[tuple[str, Iterable[FeaturePart]]],
    tokens_per_batch: int = TOKENS_PER_BATCH,
) -> pl.DataFrame:
    """corpus, doc_id and the columns of teachers.columns_of for every training document, labelled or not."""
    names = columns_of(task, labels.get(task.name, []))
    found = []
    for corpus, parts in corpora:
        for part in parts:
            rows = (part.documents["split"] == "train").arg_true().to_numpy().astype(np.int64)
            answers = decode(
                network,
                part,
                rows,
                with_label_spaces([task], labels),
                tokens_per_batch=tokens_per_batch,
            )[task.name]
            assert isinstance(answers, np.ndarray), f"a {task.kind} task has no scores of documents"
            scores = pl.DataFrame(_logits(answers, task), schema=dict.fromkeys(names, pl.Float32()))
            found.append(
                scores.select(
                    pl.lit(corpus).alias("corpus"), part.documents["doc_id"][rows].alias("doc_id"), *names
                )
            )
    return pl.concat(found)


def _logits(answers: np.ndarray, task: Task) -> np.ndarray:
    """(n,K), or (n,1) values."""
    if task.kind == "regression":
        return answers[:, None].astype(np.float32)
    likely = np.clip(answers.astype(np.float64), _LEAST, 1 - _LEAST)
    return (np.log(likely) - (np.log1p(-likely) if task.kind == "multilabel" else 0)).astype(np.float32)
