"""The table of predictions: decoded outcomes in named columns.

Axes: R rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mgm.model.compiled import CompiledNetwork
from mgm.model.decode import TOKENS_PER_BATCH, Outcome, Progress, decode
from mgm.model.heads import HEADS
from mgm.model.network import Network
from mgm.model.rounding import round_scores
from mgm.model.thresholds import Thresholds
from mgm.model.token_cache import TokenCache
from mgm.tasks import RECONSTRUCTION, Task
from mgm.text.features import FeaturePart


def predict(  # noqa: PLR0913  (options by name, with defaults)
    network: Network,
    part: FeaturePart,
    *,
    tasks: Sequence[Task],
    thresholds: Mapping[str, Thresholds],
    tokens_per_batch: int = TOKENS_PER_BATCH,
    probs: bool = False,
    progress: Progress | None = None,
    token_cache: TokenCache | None = None,
    compiled: CompiledNetwork | None = None,
) -> pl.DataFrame:
    """Return the predictions table of a part, row by row: doc_id, the columns of each task, the reconstruction error.

    Columns have their names within the pipeline (mgm/tasks/columns.py).

    The columns of a kind of task are documented in its module of mgm.model.heads. `reconstruction_error` is there where
    the network's fusion has one (1: as large as that of a typical document). Scores and values are rounded to SCORE_DIGITS.

    Args:
        network: the network.
        part: features.
        tasks: the tasks to predict.
        thresholds: the decision thresholds, by task.
        tokens_per_batch: the most words of a batch that has more than one document.
        probs: whether to add the probabilities over the label space.
        progress: called after each batch.
        token_cache: states of words that the network's encoder has encoded before, with its present weights.
        compiled: the network with tables for the kernels, which predict then; None: torch does.
    """
    if compiled is not None:
        outcomes = compiled.predict_part(part, tasks)
        if progress is not None:
            progress(part.documents.height)
        return prediction_table(outcomes, part.documents, tasks=tasks, thresholds=thresholds, probs=probs)
    rows = np.arange(part.documents.height)
    outcomes = decode(
        network,
        part,
        rows=rows,
        tasks=tasks,
        tokens_per_batch=tokens_per_batch,
        progress=progress,
        token_cache=token_cache,
    )
    return prediction_table(outcomes, part.documents, tasks=tasks, thresholds=thresholds, probs=probs)


def prediction_table(
    outcomes: Mapping[str, Outcome],
    documents: pl.DataFrame,
    *,
    tasks: Sequence[Task],
    thresholds: Mapping[str, Thresholds],
    probs: bool = False,
) -> pl.DataFrame:
    """Return the predictions table of the outcomes for all of a part's documents; see `predict`."""
    columns: dict[str, Any] = {"doc_id": documents["doc_id"]}
    for task in tasks:
        columns |= HEADS[task.kind].prediction_columns(
            task,
            outcomes[task.name],
            documents=documents,
            thresholds=thresholds.get(task.name),
            with_probs=probs,
        )
    if RECONSTRUCTION in outcomes:
        errors = outcomes[RECONSTRUCTION]
        assert isinstance(errors, np.ndarray)
        columns[RECONSTRUCTION] = pl.Series(round_scores(errors), dtype=pl.Float32)
    return pl.DataFrame(columns)


def prediction_schema(
    tasks: Sequence[Task], *, probs: bool = False, reconstructs: bool = False
) -> dict[str, pl.DataType]:
    """Return the columns of `predict`'s table and their types; `reconstructs`: `Network.reconstructs`."""
    schema: dict[str, Any] = {"doc_id": pl.String()}
    for task in tasks:
        schema |= HEADS[task.kind].prediction_schema(task, with_probs=probs)
    if reconstructs:
        schema[RECONSTRUCTION] = pl.Float32()
    return schema
