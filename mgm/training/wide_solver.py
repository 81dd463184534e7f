"""Solves for the weights of the wide part of documents: a linear model on TF-IDF of n-grams for each task.

It is done once, before the deep part is trained: the problems are convex, and their solution is better than the result of a few
passes of gradient descent. Where a task has teachers, it learns from their predictions, too (mgm.training.wide_teaching).

Axes: n labelled training documents, F n-grams that they hold, K outputs of a task.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from mgm.training.linear_models import Features, LinearModel, with_columns
from mgm.training.sparse_rows import SparseRows, Storage
from mgm.training.wide_teaching import DEFAULT_WEIGHT, SoftTargets, blend_taught, solve_taught, tune_taught
from mgm.training.wide_tuning import NUM_FOLDS, WideMethod, candidate_methods, solve_method, tune_method

MAX_VALIDATION_DOCUMENTS = 20_000
"""The number of validation documents, evenly over all, by which the weights of teaching are chosen at most."""


@dataclass(frozen=True, kw_only=True)
class SolvedTask:
    """The size of the problem that was solved for a task, and how it was solved."""

    task: str
    num_documents: int
    num_features: int
    method: WideMethod | None
    """How the problem of a task that predicts documents was solved."""


def solve_wide(  # noqa: PLR0913  (options by name, with defaults)
    network: Network,
    data: TrainingData,
    *,
    tokens_per_batch: int,
    storage: Storage | None = None,
    is_taught: bool = True,
    on_solved: Callable[[SolvedTask], object] = lambda solved: None,
    methods: Mapping[str, WideMethod] | None = None,
) -> None:
    """Set the weights of the network's wide part, task by task, from the training rows with a label, or a teacher's prediction.

    All such rows are learned from, however many. Their values are in memory if they fit, otherwise they are read from disk a block
    at a time in every pass of the solver.

    Args:
        network: the network, whose wide part has the document frequencies of n-grams.
        data: the rows and tasks.
        tokens_per_batch: words of a batch.
        storage: the memory and the disk for the values; None: the defaults.
        is_taught: whether teachers' predictions are learned from, where there are any.
        on_solved: called after each task.
        methods: how tasks are solved for whose method is known from an earlier fit; those of others are tuned.
    """
    wide = network.wide
    if wide is None:
        return
    solver = _Solver(
        network=network, wide=wide, data=data, tokens_per_batch=tokens_per_batch, storage=storage or Storage()
    )
    for task in [task for task in data.tasks if task.name in wide.widths]:
        selected = select_known_rows(data.train, task)
        if not selected:
            continue
        values, targets = solver.problem(selected, task)
        ngrams, known = values.columns, (methods or {}).get(task.name)
        if not len(ngrams):
            continue
        method, model = solver.solve(task, values, targets=targets, folds=_folds(selected), known=known)
        del values  # its files make room for those of the next
        if is_taught:
            method, ngrams, model = solver.teach(
                task, selected, ngrams=ngrams, model=model, method=method, is_tuned=known is not None
            )
        wide.set_coefficients(task.name, ngrams=ngrams, weight=model.weight, bias=model.intercept)
        on_solved(
            SolvedTask(task=task.name, num_documents=len(targets), num_features=len(ngrams), method=method)
        )


@dataclass(frozen=True, kw_only=True)
class _Solver:
    """The solutions for a network's tasks."""

    network: Network
    wide: Wide
    data: TrainingData
    tokens_per_batch: int
    storage: Storage

    def problem(self, rows: Sequence[PartRows], task: Task) -> tuple[SparseRows, np.ndarray]:
        """Return the TF-IDF values (n,F) of these rows, and their targets as in `Batch.targets`."""
        targets = [gather_targets(s.labels_of(task), task, word_count=s.length).numpy() for s in rows]
        values = SparseRows(self.tfidf(rows), self.wide.num_ngrams, storage=self.storage)
        return values, np.concatenate(targets)

    def tfidf(self, rows: Sequence[PartRows]) -> Iterator[sparse.csr_array]:
        """Yield the TF-IDF values (rows, all n-grams) of these rows, batch by batch."""
        for planned in ordered_batches(rows, self.tokens_per_batch):
            batch = collate(rows[planned.source].part, planned.rows).to(self.wide.bias.device)
            yield self.wide.tfidf_matrix(batch)

    def solve(
        self,
        task: Task,
        values: SparseRows,
        *,
        targets: np.ndarray,
        folds: np.ndarray,
        known: WideMethod | None,
    ) -> tuple[WideMethod, LinearModel]:
        """Return the model of the labels alone, and how it was solved for: as is known, or the best in cross-validation."""
        kind, features = TASK_TRAINING[task.kind], _held(values)
        solve = partial(
            kind.solve_wide, head=self.network.heads[task.name], num_outputs=self.wide.widths[task.name]
        )
        method = known or tune_method(
            features,
            targets,
            folds=folds,
            methods=candidate_methods(self.wide.settings),
            solve=solve,
            score=kind.score_outputs,
        )
        return method, solve_method(features, targets, method=method, solve=solve)

    def teach(
        self,
        task: Task,
        labelled: list[PartRows],
        *,
        ngrams: np.ndarray,
        model: LinearModel,
        method: WideMethod,
        is_tuned: bool,
    ) -> tuple[WideMethod, np.ndarray, LinearModel]:
        """Return the method, the n-grams and the model once teachers are learned from; all as before where there are none.

        Args:
            task: the task.
            labelled: the rows that the model was solved for on.
            ngrams: (F,) the columns of its weights.
            model: the model of the labels alone.
            method: how it was solved for.
            is_tuned: whether the weights of teaching are known from an earlier fit.
        """
        unlabelled = select_unlabelled_rows(self.data.train, task)
        rows = [*labelled, *unlabelled]
        if not any(s.is_predicted(task).any() for s in rows) or (is_tuned and not method.taught_weight):
            return method, ngrams, model
        values, targets = self.problem(rows, task)
        columns = values.columns
        model = with_columns(model, ngrams, columns=columns)
        kind, head = TASK_TRAINING[task.kind], self.network.heads[task.name]
        labels = kind.label_values(targets, self.wide.widths[task.name])
        predictions = np.concatenate([s.predictions_of(task, labels.shape[1]) for s in rows])
        taught = solve_taught(
            SoftTargets(
                features=_held(values),
                labels=kind.soft_outputs(labels, head=head),
                predictions=kind.soft_outputs(predictions, head=head),
            ),
            method=method,
        )
        validation = select_known_rows(self.data.validation, task, max_rows=MAX_VALIDATION_DOCUMENTS)
        if not is_tuned and validation:
            of_labels = [
                gather_targets(s.labels_of(task), task, word_count=s.length).numpy() for s in validation
            ]
            truth = np.concatenate(of_labels)
            of_validation = [values[:, columns] for values in self.tfidf(validation)]
            method = tune_taught(
                model,
                taught,
                features=sparse.vstack(of_validation, format="csr"),
                method=method,
                score=lambda outputs: kind.score_outputs(outputs, truth),
            )
        elif not is_tuned:
            method = replace(method, taught_weight=DEFAULT_WEIGHT, label_weight=DEFAULT_WEIGHT)
        return method, columns, blend_taught(model, taught, method=method)


def _held(values: SparseRows) -> Features:
    """Return the values in memory if they fit."""
    return values.read_all() if values.fits_in_memory else values


def _folds(rows: Sequence[PartRows]) -> np.ndarray:
    """Return the fold (n,) of each row; rows of one group are in one fold."""
    group = pl.concat([selected.part.documents["group"][selected.rows] for selected in rows])
    return (group.rank("dense").to_numpy() % NUM_FOLDS).astype(np.int64)


def select_known_rows(rows: Sequence[PartRows], task: Task, *, max_rows: int | None = None) -> list[PartRows]:
    """Return the rows with a label that training knows; of more than `max_rows`, that many evenly spread over all."""
    known = [
        selected.take(TASK_TRAINING[task.kind].is_known(selected.labels_of(task)).arg_true().to_numpy())
        for selected in rows
        if selected.labelled_tasks([task])
    ]
    return _thin(known, max_rows)


def select_unlabelled_rows(
    rows: Sequence[PartRows], task: Task, *, max_rows: int | None = None
) -> list[PartRows]:
    """Return the rows without such a label that a teacher predicted; of more than `max_rows`, that many evenly spread over all."""
    unlabelled = []
    for selected in rows:
        if selected.labelled_tasks([task]):
            is_known = TASK_TRAINING[task.kind].is_known(selected.labels_of(task)).to_numpy()
            unlabelled.append(selected.take(np.flatnonzero(selected.is_predicted(task) & ~is_known)))
    return _thin(unlabelled, max_rows)


def _thin(rows: list[PartRows], max_rows: int | None) -> list[PartRows]:
    """Return at most `max_rows` of these rows (None: all), evenly spread over all."""
    count = np.array([len(selected.rows) for selected in rows])
    if max_rows is not None and count.sum() > max_rows:
        chosen = np.linspace(0, count.sum() - 1, max_rows).astype(np.int64)
        rows = [
            selected.take(chosen[(chosen >= end - n) & (chosen < end)] - (end - n))
            for selected, n, end in zip(rows, count, count.cumsum(), strict=True)
        ]
    return [selected for selected in rows if len(selected.rows)]
