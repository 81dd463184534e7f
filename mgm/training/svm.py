"""Linear support vector machines by dual coordinate descent, one for each column of labels, several at once.

The compiled kernel solves them, which lets go of Python's lock; without it LIBLINEAR does, whose solution is the same up to the
tolerance and not bit by bit.

Axes: n documents, F n-grams, K machines.
Source: Hsieh et al. 2008, "A Dual Coordinate Descent Method for Large-scale Linear SVM"; Fan et al. 2008, LIBLINEAR, JMLR 9.
"""

import ctypes
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_double, c_int64, c_void_p

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from mgm.native import check_status, load_kernels

TOLERANCE = 0.01
"""The solver's stopping tolerance. With a hundredth of it no metric on validation differed by 0.001."""
_MAX_PASSES = 1000


class _Sparse(ctypes.Structure):
    """`Sparse` of kernels.c."""

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
    model = np.zeros((labels.shape[1], features.shape[1] + 1), np.float32)
    solve = _solve_with_liblinear if load_kernels() is None else _solve_with_kernel

    def solve_one(k: int) -> None:
        sign = np.where(labels[:, k], 1, -1).astype(np.int8)
        if scale is None:
            solve(values, sign, c=c, model=model[k])
            return
        factor = scale(values, labels[:, k])
        data = values.data * factor[values.indices]
        scaled = sparse.csr_matrix((data, values.indices, values.indptr), values.shape)
        solve(scaled, sign, c=c, model=model[k])
        model[k, :-1] *= factor

    # LIBLINEAR's random numbers are the same for all threads of a process
    threads = 1 if solve is _solve_with_liblinear else min(torch.get_num_threads(), len(model))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(solve_one, range(len(model))))
    else:
        for k in range(len(model)):
            solve_one(k)
    return model[:, :-1], model[:, -1]


def _solve_with_kernel(values: sparse.csr_matrix, sign: np.ndarray, *, c: float, model: np.ndarray) -> None:
    """Write the weights and the intercept (F+1,) that separate rows of sign 1 from those of -1 into `model`."""
    kernels = load_kernels()
    assert kernels is not None
    start = np.ascontiguousarray(values.indptr, np.int64)
    column = np.ascontiguousarray(values.indices, np.int32)
    matrix = _Sparse(*values.shape, start.ctypes.data, column.ctypes.data, values.data.ctypes.data)
    status = kernels.mgm_solve_svm(
        ctypes.byref(matrix),
        c_void_p(sign.ctypes.data),
        c_double(c),
        c_double(TOLERANCE),
        c_int64(_MAX_PASSES),
        c_void_p(model.ctypes.data),
    )
    check_status(status)


def _solve_with_liblinear(
    values: sparse.csr_matrix, sign: np.ndarray, *, c: float, model: np.ndarray
) -> None:
    """Do the same without the kernel."""
    with warnings.catch_warnings():
        # an approximate solution is good enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(C=c, tol=TOLERANCE, max_iter=_MAX_PASSES, dual=True, random_state=0)
        machine.fit(values, sign)
    model[:-1], model[-1] = machine.coef_[0], machine.intercept_[0]
