"""Linear support vector machines by dual coordinate descent, one for each column of labels, several at once.

The compiled kernel solves them, which lets go of Python's lock; without it LIBLINEAR does, whose solution is the same up to the
tolerance and not bit by bit.

Axes: n documents, F n-grams, K machines.
Source: Hsieh et al. 2008, "A Dual Coordinate Descent Method for Large-scale Linear SVM"; Fan et al. 2008, LIBLINEAR, JMLR 9.
"""

import ctypes
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_double, c_int64, c_void_p
from typing import NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from mgm.native import check_status, load_kernels

_T = TypeVar("_T")
TOLERANCE = 0.01
"""The solver's stopping tolerance. With a hundredth of it no metric on validation differed by 0.001."""
MAX_PASSES = 1000


class _Sparse(ctypes.Structure):
    """`Sparse` of svm.c."""

    _fields_ = [
        ("rows", c_int64),
        ("columns", c_int64),
        *((name, c_void_p) for name in ("start", "column", "value")),
    ]


Scale = Callable[[sparse.csr_matrix, np.ndarray], np.ndarray]
"""The factor (F,) of each n-gram's values, of the features (n,F) and whether a document has the label (n,)."""


def solve_svms(
    features: sparse.csr_matrix, labels: np.ndarray, *, c: float, scale: Scale | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights (K,F) and the intercepts (K,) of one machine for each column of labels.

    They minimise half the square of weights and intercept plus `c` times the sum of the documents' squared hinge losses. As many
    are solved at once as torch has threads; the result does not depend on how many.

    Args:
        features: (n,F) the values of n-grams.
        labels: (n,K) whether a document has a label; each column has documents with and without it.
        c: the weight of the losses.
        scale: how the values are scaled for each machine; its weights are for the values as they are.
    """
    values = sparse.csr_matrix(
        (features.data.astype(np.float32, copy=False), features.indices, features.indptr), features.shape
    )
    machines = Machines.zeros(labels.shape[1], features.shape[1])
    solve = _solve_with_liblinear if load_kernels() is None else _solve_with_kernel

    def solve_one(k: int) -> None:
        sign, machine = signs(labels[:, k]), machines.machine(k)
        if scale is None:
            solve(values, sign, c=c, machine=machine)
            return
        factor = scale(values, labels[:, k])
        solve(scale_columns(values, factor), sign, c=c, machine=machine)
        machine.weight[:] *= factor

    map_machines(solve_one, range(labels.shape[1]))
    return machines.weight, machines.intercept.astype(np.float32)


class Machine(NamedTuple):
    """The weights (F,) and the intercept (1,) of a machine that is being solved for; both are changed in place."""

    weight: npt.NDArray[np.float32]
    intercept: npt.NDArray[np.float64]


class Machines(NamedTuple):
    """The weights (K,F) and the intercepts (K,) of machines that are being solved for."""

    weight: npt.NDArray[np.float32]
    intercept: npt.NDArray[np.float64]

    @classmethod
    def zeros(cls, num_machines: int, num_columns: int) -> Self:
        """Return machines without any weight."""
        return cls(np.zeros((num_machines, num_columns), np.float32), np.zeros(num_machines))

    def machine(self, k: int) -> Machine:
        """Return machine number `k`, a view."""
        return Machine(self.weight[k], self.intercept[k : k + 1])


def signs(has_label: np.ndarray) -> npt.NDArray[np.int8]:
    """Return the sign (n,) of the wanted margin of documents with the label (n,) and without."""
    return np.where(has_label, 1, -1).astype(np.int8)


def scale_columns(values: sparse.csr_matrix, factor: np.ndarray) -> sparse.csr_matrix:
    """Return the values (n,F) times the factor (F,) of their columns."""
    data = factor[values.indices]
    data *= values.data
    return sparse.csr_matrix((data, values.indices, values.indptr), values.shape)


def map_machines(solve: Callable[[int], _T], numbers: Sequence[int]) -> list[_T]:
    """Return the results for the numbers of machines: of as many at once as torch has threads, if the kernel solves them."""
    # LIBLINEAR's random numbers are the same for all threads of a process
    threads = 1 if load_kernels() is None else min(torch.get_num_threads(), len(numbers))
    if threads <= 1:
        return [solve(k) for k in numbers]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(solve, numbers))


def descend(
    values: sparse.csr_matrix,
    sign: np.ndarray,
    *,
    c: float,
    machine: Machine,
    alpha: np.ndarray,
    max_passes: int,
) -> tuple[float, float]:
    """Improve a machine in place on some documents, by the kernel.

    Args:
        values: (n,F) their values.
        sign: (n,) 1 with the label, -1 without.
        c: the weight of the losses.
        machine: what follows from the dual variables of all documents, these and others.
        alpha: (n,) the dual variables of these documents, which are changed too.
        max_passes: the number of passes over the documents.

    Returns:
        The lowest and the highest projected slope of a dual variable in the first pass.
    """
    kernels = load_kernels()
    assert kernels is not None and alpha.dtype == np.float64 and alpha.flags.c_contiguous
    start = np.ascontiguousarray(values.indptr, np.int64)
    column = np.ascontiguousarray(values.indices, np.int32)
    matrix = _Sparse(*values.shape, start.ctypes.data, column.ctypes.data, values.data.ctypes.data)
    bounds = np.empty(2)
    status = kernels.mgm_solve_svm(
        ctypes.byref(matrix),
        c_void_p(sign.ctypes.data),
        c_double(c),
        c_double(TOLERANCE),
        c_int64(max_passes),
        *(c_void_p(array.ctypes.data) for array in (alpha, *machine, bounds)),
    )
    check_status(status)
    return float(bounds[0]), float(bounds[1])


def _solve_with_kernel(values: sparse.csr_matrix, sign: np.ndarray, *, c: float, machine: Machine) -> None:
    """Solve for the machine that separates rows of sign 1 from those of -1."""
    descend(values, sign, c=c, machine=machine, alpha=np.zeros(len(sign)), max_passes=MAX_PASSES)


def _solve_with_liblinear(values: sparse.csr_matrix, sign: np.ndarray, *, c: float, machine: Machine) -> None:
    """Do the same without the kernel."""
    machine.weight[:], machine.intercept[:] = fit_liblinear(values, sign, c=c)


def fit_liblinear(values: sparse.csr_matrix, sign: np.ndarray, *, c: float) -> tuple[np.ndarray, float]:
    """Return the weights (F,) and the intercept of LIBLINEAR's machine."""
    with warnings.catch_warnings():
        # an approximate solution is good enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(C=c, tol=TOLERANCE, max_iter=MAX_PASSES, dual=True, random_state=0)
        machine.fit(values, sign)
    return machine.coef_[0], float(machine.intercept_[0])
