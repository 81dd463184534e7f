"""Linear support vector machines on documents that do not fit into memory, which are read from disk a block at a time.

The kernel solves the dual problem of a block while the variables of all others stay, then that of the next. This converges to the
solution of the whole problem. In each round over all documents the blocks are drawn anew. Without the kernel each block is solved on
its own, and the mean of the solutions is taken, which is no exact solution.

Axes: n documents, b documents of a block, F n-grams, K machines.
Source: Yu et al. 2010, "Large Linear Classification When Data Cannot Fit In Memory" (block minimization), KDD; without the kernel
Zinkevich et al. 2010, "Parallelized Stochastic Gradient Descent" (the mean of solutions).
"""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from mgm.native import load_kernels
from mgm.training.disk_array import DiskArray
from mgm.training.ngram_scaling import scale_of_sums, square_sums
from mgm.training.sparse_rows import Block, SparseRows
from mgm.training.svm import TOLERANCE, Machines, descend, fit_liblinear, map_machines, scale_columns, signs

_logger = logging.getLogger(__name__)

PASSES_PER_BLOCK = 3
"""The most passes over the documents of a block before the next one is read."""
MAX_ROUNDS = 200
"""The most rounds over all documents."""


def solve_svms_in_blocks(
    features: SparseRows, labels: np.ndarray, *, c: float, is_scaled: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `mgm.training.svm.solve_svms` does, up to its tolerance; the number of threads changes nothing.

    Args:
        features: (n,F) the values of n-grams.
        labels: (n,K) whether a document has a label; each column has documents with and without it.
        c: the weight of the losses.
        is_scaled: whether the values are scaled for each machine by `label_scale`.
    """
    scale = _label_scales(features, labels) if is_scaled else None
    solve = _minimize_blocks
    if load_kernels() is None:
        solve = _average_blocks
        _logger.warning(
            "the values of n-grams exceed train.memory and there are no compiled kernels: the linear models are means of models of "
            "blocks, which are less accurate; compile the kernels, or raise train.memory"
        )
    machines = solve(features, labels, c=c, scale=scale)
    if scale is not None:
        machines.weight[:] *= scale
    return machines.weight, machines.intercept.astype(np.float32)


def _minimize_blocks(
    features: SparseRows, labels: np.ndarray, *, c: float, scale: np.ndarray | None
) -> Machines:
    """Return the machines for values times `scale` (K,F)."""
    machines = Machines.zeros(labels.shape[1], features.shape[1])
    dual = _DualVariables(*labels.shape, folder=features.storage.folder)
    unsolved = list(range(labels.shape[1]))
    for number in range(MAX_ROUNDS):
        bounds = np.tile([np.inf, -np.inf], (labels.shape[1], 1))
        for block in _drawn_blocks(features, number):
            of_block, alpha = labels[block.rows], dual.read(block.ranges)
            improve = partial(
                _improve, block=block, labels=of_block, c=c, scale=scale, machines=machines, alpha=alpha
            )
            for k, (lowest, highest) in zip(unsolved, map_machines(improve, unsolved), strict=True):
                bounds[k] = min(bounds[k, 0], lowest), max(bounds[k, 1], highest)
            dual.write(block.ranges, alpha)
        unsolved = [k for k in unsolved if bounds[k, 1] - bounds[k, 0] > TOLERANCE]
        if not unsolved:
            break
    return machines


def _improve(  # noqa: PLR0913  (the state of the solver, by name)
    k: int,
    *,
    block: Block,
    labels: np.ndarray,
    c: float,
    scale: np.ndarray | None,
    machines: Machines,
    alpha: np.ndarray,
) -> tuple[float, float]:
    """Improve machine `k` on a block with labels (b,K) and dual variables (K,b); return what `descend` does."""
    return descend(
        block.values if scale is None else scale_columns(block.values, scale[k]),
        signs(labels[:, k]),
        c=c,
        machine=machines.machine(k),
        alpha=alpha[k],
        max_passes=PASSES_PER_BLOCK,
    )


def _average_blocks(
    features: SparseRows, labels: np.ndarray, *, c: float, scale: np.ndarray | None
) -> Machines:
    """Return the mean of the machines of blocks, each with the regularisation of all documents."""
    machines = Machines.zeros(labels.shape[1], features.shape[1])
    for block in _drawn_blocks(features, 0):
        share = block.values.shape[0] / len(features)
        of_block = labels[block.rows]
        for k in range(labels.shape[1]):
            has_label = of_block[:, k]
            if has_label.all() or not has_label.any():
                machines.intercept[k] += share if has_label[0] else -share
                continue
            values = block.values if scale is None else scale_columns(block.values, scale[k])
            weight, intercept = fit_liblinear(values, signs(has_label), c=c / share)
            machines.weight[k] += share * weight
            machines.intercept[k] += share * intercept
    return machines


def _drawn_blocks(features: SparseRows, number: int) -> Iterator[Block]:
    """Return the blocks of a round, drawn from its number alone."""
    return features.blocks(np.random.default_rng(number).permutation(features.num_chunks).tolist())


def _label_scales(features: SparseRows, labels: np.ndarray) -> np.ndarray:
    """Return the scale (K,F) of `label_scale` for each label."""
    shape = (labels.shape[1], features.shape[1])
    with_label, total, squares = np.zeros(shape, np.float32), np.zeros(shape[1]), np.zeros(shape[1])
    for block in features.blocks(range(features.num_chunks)):
        transposed = block.values.T
        of_block = labels[block.rows]
        for k in range(shape[0]):
            with_label[k] += transposed @ of_block[:, k].astype(np.float32)
        total += transposed @ np.ones(len(of_block), np.float32)
        squares += square_sums(block.values)
    for k, sums in enumerate(with_label):
        # rounding leaves sums below 0 of n-grams that no document without the label has
        without = np.maximum(total - sums, 0).astype(np.float32)
        with_label[k] = scale_of_sums(np.stack([sums, without]), squares)
    return with_label


class _DualVariables:
    """The dual variables (K,n) of all machines, on disk, chunk by chunk of documents."""

    def __init__(self, num_rows: int, num_machines: int, *, folder: Path | None) -> None:
        """Make variables of 0."""
        self.num_machines = num_machines
        self._array = DiskArray(np.float64, folder=folder, size=num_machines * num_rows)

    def read(self, ranges: list[tuple[int, int]]) -> np.ndarray:
        """Return the variables (K,b) of some chunks."""
        parts = []
        for first, last in ranges:
            part = np.empty(self.num_machines * (last - first))
            self._array.read(part, first * self.num_machines)
            parts.append(part.reshape(self.num_machines, -1))
        return np.concatenate(parts, axis=1)

    def write(self, ranges: list[tuple[int, int]], alpha: np.ndarray) -> None:
        """Write them back."""
        cuts = np.cumsum([last - first for first, last in ranges])[:-1]
        for (first, _), part in zip(ranges, np.split(alpha, cuts, axis=1), strict=True):
            self._array.write(part.ravel(), first * self.num_machines)
