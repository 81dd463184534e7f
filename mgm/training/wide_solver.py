"""Solves for the weights of the wide part of documents: a linear model on TF-IDF of n-grams for each task.

It is done once, before the deep part is trained: the problems are convex, and their solution is better than the result of a few
passes of gradient descent.

Axes: n labelled training documents, F n-grams that they hold, K outputs of a task.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from scipy import sparse

from mgm.model.collate import collate, gather_targets
from mgm.model.network import Network
from mgm.model.wide.documents import Wide
from mgm.tasks import Task
from mgm.training.batches import ordered_batches
from mgm.training.data import PartRows, TrainingData
from mgm.training.kinds import TASK_TRAINING
from mgm.training.wide_tuning import NUM_FOLDS, WideMethod, candidate_methods, solve_method, tune_method


@dataclass(frozen=True, kw_only=True)
class SolvedTask:
    """The size of the problem that was solved for a task, and how it was solved."""

    task: str
    num_documents: int
    num_features: int
    method: WideMethod | None
    """How the problem of a task that predicts documents was solved."""


def solve_wide(
    network: Network,
    data: TrainingData,
    *,
    tokens_per_batch: int,
    on_solved: Callable[[SolvedTask], object] = lambda solved: None,
    methods: Mapping[str, WideMethod] | None = None,
) -> None:
    """Set the weights of the network's wide part, task by task, from the labelled training rows.

    Args:
        network: the network, whose wide part has the document frequencies of n-grams.
        data: the training rows and tasks.
        tokens_per_batch: words of a batch.
        on_solved: called after each task.
        methods: how tasks are solved for whose method is known from an earlier fit; those of others are tuned.
    """
    wide = network.wide
    if wide is None:
        return
    for task in [task for task in data.tasks if task.name in wide.widths]:
        selected = select_known_rows(data.train, task, max_rows=wide.settings.documents)
        if not selected:
            continue
        targets = np.concatenate(
            [gather_targets(s.labels_of(task), task, word_count=s.length).numpy() for s in selected]
        )
        features = sparse.vstack(
            [_tfidf(wide, s, tokens_per_batch=tokens_per_batch) for s in selected], format="csr"
        )
        features.eliminate_zeros()  # of n-grams that only one document holds
        ngrams, features = drop_empty_columns(features)
        if not len(ngrams):
            continue
        kind = TASK_TRAINING[task.kind]
        solve = partial(kind.solve_wide, head=network.heads[task.name], num_outputs=wide.widths[task.name])
        method = (methods or {}).get(task.name) or tune_method(
            features,
            targets,
            folds=_folds(selected),
            methods=candidate_methods(wide.settings),
            solve=solve,
            score=kind.score_outputs,
        )
        model = solve_method(features, targets, method=method, solve=solve)
        wide.set_coefficients(task.name, ngrams=ngrams, weight=model.weight, bias=model.intercept)
        on_solved(
            SolvedTask(task=task.name, num_documents=len(targets), num_features=len(ngrams), method=method)
        )


def _folds(rows: Sequence[PartRows]) -> np.ndarray:
    """Return the fold (n,) of each row; rows of one group are in one fold."""
    group = pl.concat([selected.part.documents["group"][selected.rows] for selected in rows])
    return (group.rank("dense").to_numpy() % NUM_FOLDS).astype(np.int64)


def select_known_rows(rows: Sequence[PartRows], task: Task, *, max_rows: int) -> list[PartRows]:
    """Return the rows with a label that training knows; of more than `max_rows`, that many evenly spread over all."""
    known = [
        selected.take(TASK_TRAINING[task.kind].is_known(selected.labels_of(task)).arg_true().to_numpy())
        for selected in rows
        if selected.labelled_tasks([task])
    ]
    count = np.array([len(selected.rows) for selected in known])
    if count.sum() > max_rows:
        chosen = np.linspace(0, count.sum() - 1, max_rows).astype(np.int64)
        known = [
            selected.take(chosen[(chosen >= end - n) & (chosen < end)] - (end - n))
            for selected, n, end in zip(known, count, count.cumsum(), strict=True)
        ]
    return [selected for selected in known if len(selected.rows)]


def _tfidf(wide: Wide, rows: PartRows, *, tokens_per_batch: int) -> sparse.csr_array:
    """Return the TF-IDF values (rows, all n-grams)."""
    batches = (
        collate(rows.part, planned.rows).to(wide.bias.device)
        for planned in ordered_batches([rows], tokens_per_batch)
    )
    return sparse.vstack([wide.tfidf_matrix(batch) for batch in batches], format="csr")


def drop_empty_columns(features: sparse.csr_matrix) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Return the columns (F,) that hold a value, and the matrix of these columns alone."""
    is_present = np.zeros(features.shape[1], bool)
    is_present[features.indices] = True
    columns = np.flatnonzero(is_present)
    new_index = (is_present.cumsum() - 1).astype(features.indices.dtype)
    shape = (features.shape[0], len(columns))
    return columns, sparse.csr_matrix((features.data, new_index[features.indices], features.indptr), shape)
