"""Linear support vector machines: the kernel, and LIBLINEAR where there is none."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from mgm.native import load_kernels
from mgm.training import svm
from mgm.training.determinism import deterministic
from mgm.training.svm import solve_svms

RNG = np.random.default_rng(3)
FEATURES = sparse.random_array((300, 80), density=0.1, rng=RNG, format="csr", dtype=np.float32)
LABELS = FEATURES @ RNG.normal(size=(80, 3)) + RNG.normal(size=(300, 3)) > [0, 1, -1]

needs_kernels = pytest.mark.skipif(load_kernels() is None, reason="needs the compiled kernels")


@pytest.fixture(params=["kernel", "liblinear"])
def solver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "liblinear":
        monkeypatch.setattr(svm, "load_kernels", lambda: None)
    elif load_kernels() is None:
        pytest.skip("needs the compiled kernels")
    return request.param


@pytest.mark.parametrize("c", [0.1, 10.0])
@pytest.mark.usefixtures("solver")
def test_margins_are_those_of_the_exact_solution(c: float) -> None:
    weight, intercept = solve_svms(FEATURES, LABELS, c=c)
    for k in range(3):
        exact = LinearSVC(C=c, tol=1e-8, max_iter=100_000).fit(FEATURES, LABELS[:, k])
        margins = FEATURES @ weight[k] + intercept[k]
        assert margins == pytest.approx(exact.decision_function(FEATURES), abs=0.03)


@pytest.mark.usefixtures("solver")
def test_the_number_of_threads_changes_no_bit() -> None:
    solutions = []
    for threads in (1, 2):
        with deterministic(threads), threadpool_limits(1):
            solutions.append(solve_svms(FEATURES, LABELS, c=1.0))
    assert solutions[0][0].any()
    for one, two in zip(*solutions, strict=True):
        assert (one == two).all()


@needs_kernels
def test_a_row_without_values_moves_the_intercept_alone() -> None:
    features = sparse.csr_matrix((2, 4), dtype=np.float32)
    weight, intercept = solve_svms(features, np.array([[True, True], [False, False]])[:, :1], c=1.0)
    assert not weight.any() and abs(intercept[0]) < 0.01
