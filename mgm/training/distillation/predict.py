"""A trained network's scores of its training documents, which can teach another network."""

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
) -> pl.DataFrame:
    """Return corpus, doc_id and the score columns of a task for every training document, labelled or not."""
    kind = TASK_TRAINING[task.kind]
    names = kind.score_columns(task)
    tables = []
    for corpus, parts in corpora:
        for rows in select_training_rows({corpus: parts}):
            outcome = decode(
                network, rows.part, rows=rows.rows, tasks=[task], tokens_per_batch=tokens_per_batch
            )[task.name]
            assert isinstance(outcome, np.ndarray), f"a {task.kind} task has no scores of documents"
            scores = pl.DataFrame(kind.scores(outcome), schema=dict.fromkeys(names, pl.Float32()))
            tables.append(
                scores.select(
                    pl.lit(corpus).alias("corpus"),
                    rows.part.documents["doc_id"][rows.rows].alias("doc_id"),
                    *names,
                )
            )
    return pl.concat(tables)
