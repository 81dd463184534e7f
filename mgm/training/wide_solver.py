"""Solves for the weights of the wide part: a support vector machine a label, or ridge regression, on TF-IDF of n-grams.

It is done once, before the deep part is trained: both problems are convex, and their solution is better than what a few passes
of gradient descent come to.

Axes: n labelled training documents, F n-grams that they hold, K logits of a task.
Source: Hsieh et al. 2008 (dual coordinate descent), in Fan et al. 2008, LIBLINEAR, JMLR 9.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from mgm.model.batch import NO_LABEL
from mgm.model.collate import collate, gather_targets
from mgm.model.heads import RegressionHead
from mgm.model.network import Network
from mgm.tasks import Task
from mgm.training import batches
from mgm.training.labelled_rows import Source

TOLERANCE = 0.01
"""Of the solver. With a hundredth of it no metric on validation differed by 0.001."""
LOGIT = 4.0
"""Of a margin 1, the log-odds. Of the wide part alone the log-loss on validation is least at 1.7 (`polarity`) to 4.6 (`section`),
by task; the share that is tuned makes up for some of it."""


@dataclass(frozen=True)
class Solved:
    """What was solved for: a task, on so many documents and n-grams."""

    task: str
    documents: int
    ngrams: int


class LinearModel(NamedTuple):
    """Weights (K,F), and what a document without a known n-gram has, (K,)."""

    weight: np.ndarray
    start: np.ndarray


def solve_wide(
    network: Network,
    sources: list[Source],
    tasks: list[Task],
    labels: dict[str, list[str]],
    tokens_per_batch: int,
    told: Callable[[Solved], object] = lambda solved: None,
) -> None:
    """Gives the wide part of `network`, which knows its document frequencies, its weights for each of `tasks`, from the
    labelled rows of `sources`; `told` after each."""
    wide = network.wide
    for task in tasks:
        if wide is None or task.name not in wide.widths:
            continue
        chosen = _labelled(sources, task, wide.settings.documents)
        if not chosen:
            continue
        found = [gather_targets(s.part.documents[task.encoded][s.rows], task, s.length) for s in chosen]
        truth = np.concatenate([own.numpy() for own in found])
        held = sparse.vstack([_values(network, s, tokens_per_batch) for s in chosen], format="csr")
        held.eliminate_zeros()  # of n-grams that one document alone holds
        present = np.zeros(held.shape[1], bool)
        present[held.indices] = True
        ngrams = np.flatnonzero(present)
        if not len(ngrams):
            continue
        place = (present.cumsum() - 1).astype(held.indices.dtype)
        held = sparse.csr_matrix((held.data, place[held.indices], held.indptr), (len(truth), len(ngrams)))
        plane = _plane(network, task, held, truth, wide.settings.c)
        wide.set_coefficients(task.name, ngrams, plane.weight, plane.start)
        told(Solved(task.name, len(truth), len(ngrams)))


def _labelled(sources: list[Source], task: Task, most: int) -> list[Source]:
    """The rows that have a label which training knows, evenly over all where there are more than `most`."""
    own = []
    for source in sources:
        if source.tasks_of([task]):
            column = source.part.documents[task.encoded][source.rows]
            known = column.is_not_null()
            if task.kind == "classification":
                known &= column.fill_null(NO_LABEL) >= 0
            own.append(_cut(source, known.arg_true().to_numpy()))
    count = np.array([len(source.rows) for source in own])
    if count.sum() <= most:
        return [source for source in own if len(source.rows)]
    chosen = np.linspace(0, count.sum() - 1, most).astype(np.int64)
    ends = count.cumsum()
    cut = [
        _cut(source, chosen[(chosen >= end - n) & (chosen < end)] - (end - n))
        for source, n, end in zip(own, count, ends, strict=True)
    ]
    return [source for source in cut if len(source.rows)]


def _cut(source: Source, places: np.ndarray) -> Source:
    return replace(source, rows=source.rows[places], length=source.length[places])


def _values(network: Network, source: Source, tokens_per_batch: int) -> sparse.csr_array:
    """(rows, all n-grams)"""
    assert network.wide is not None
    device = network.wide.bias.device
    read = (
        collate(source.part, step.rows).to(device) for step in batches.in_order([source], tokens_per_batch)
    )
    return sparse.vstack([network.wide.tfidf_matrix(batch) for batch in read], format="csr")


def _plane(network: Network, task: Task, held: sparse.csr_matrix, truth: np.ndarray, c: float) -> LinearModel:
    if task.kind == "regression":
        head = network.heads[task.name]
        assert isinstance(head, RegressionHead)
        return _ridge(held, (truth - float(head.mean)) / float(head.deviation), c)
    assert network.wide is not None
    outputs = network.wide.widths[task.name]
    if task.kind == "multilabel":
        planes = [_margin(held, truth[:, label] > 0, c) for label in range(outputs)]
        return LinearModel(np.stack([p.weight[0] for p in planes]), np.concatenate([p.start for p in planes]))
    return _classes(held, truth, outputs, c)


def _ridge(held: sparse.csr_matrix, truth: np.ndarray, c: float) -> LinearModel:
    model = Ridge(alpha=1 / c, solver="sparse_cg").fit(held, truth)
    return LinearModel(model.coef_[None], np.array([model.intercept_]))


def _margin(held: sparse.csr_matrix, there: np.ndarray, c: float) -> LinearModel:
    """Of one label, (1,F) and (1,); where all documents or none have it, the same for every document."""
    if there.all() or not there.any():
        return LinearModel(np.zeros((1, held.shape[1])), np.full(1, LOGIT if there.all() else -LOGIT))
    return _fit_svc(held, there, c)


def _classes(held: sparse.csr_matrix, ids: np.ndarray, classes: int, c: float) -> LinearModel:
    """A plane between each class and the others; a class without a document is on the far side of its own."""
    weight, start = np.zeros((classes, held.shape[1])), np.full(classes, -LOGIT)
    present = np.unique(ids)
    if len(present) == 1:
        start[present] = LOGIT
        return LinearModel(weight, start)
    plane = _fit_svc(held, ids, c)
    if len(present) == 2:
        # one plane, whose sides are the classes: what lies between their logits is its margin
        plane = LinearModel(*(np.concatenate([-own / 2, own / 2]) for own in plane))
    weight[present], start[present] = plane
    return LinearModel(weight, start)


def _fit_svc(held: sparse.csr_matrix, truth: np.ndarray, c: float) -> LinearModel:
    with warnings.catch_warnings():
        # near its solution is near enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LinearSVC(C=c, tol=TOLERANCE, random_state=0).fit(held, truth)
    return LinearModel(LOGIT * model.coef_, LOGIT * model.intercept_)
