"""Machines that are solved for block by block are those of all documents at once."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from mgm.native import load_kernels
from mgm.training import svm_blocks
from mgm.training.determinism import deterministic
from mgm.training.linear_models import fit_classes, fit_ridge
from mgm.training.ngram_scaling import label_scale
from mgm.training.sparse_rows import BYTES_PER_VALUE, SparseRows, Storage
from mgm.training.svm import solve_svms
from mgm.training.svm_blocks import solve_svms_in_blocks

RNG = np.random.default_rng(3)
FEATURES = sparse.random_array((300, 80), density=0.1, rng=RNG, format="csr", dtype=np.float32)
MATRIX = sparse.csr_matrix(FEATURES)
LABELS = FEATURES @ RNG.normal(size=(80, 3)) + RNG.normal(size=(300, 3)) > [0, 1, -1]
VALUES = FEATURES @ RNG.normal(size=80) + RNG.normal(size=300) + 5

needs_kernels = pytest.mark.skipif(load_kernels() is None, reason="needs the compiled kernels")


@pytest.fixture
def rows(tmp_path: Path) -> SparseRows:
    """The same values on disk, of which four blocks are made."""
    max_bytes = 2 * FEATURES.nnz * BYTES_PER_VALUE // 3
    made = SparseRows([FEATURES.copy()], 80, storage=Storage(max_bytes=max_bytes, folder=tmp_path))
    assert made.shape == FEATURES.shape and sum(1 for _ in made.blocks(range(made.num_chunks))) >= 3
    return made


@needs_kernels
@pytest.mark.parametrize("c", [0.1, 1.0])
@pytest.mark.parametrize("is_scaled", [False, True], ids=["plain", "scaled"])
def test_margins_are_those_of_the_whole_problem(rows: SparseRows, c: float, is_scaled: bool) -> None:
    exact = solve_svms(MATRIX, LABELS, c=c, scale=label_scale if is_scaled else None)
    blocks = solve_svms_in_blocks(rows, LABELS, c=c, is_scaled=is_scaled)
    margins = [FEATURES @ weight.T + intercept for weight, intercept in (exact, blocks)]
    assert np.abs(margins[0]).max() > 1
    assert margins[1] == pytest.approx(margins[0], abs=0.03)


@needs_kernels
def test_the_number_of_threads_changes_no_bit(rows: SparseRows, monkeypatch: pytest.MonkeyPatch) -> None:
    solutions = []
    monkeypatch.setattr(svm_blocks, "MAX_ROUNDS", 3)
    for threads in (1, 3):
        with deterministic(threads), threadpool_limits(1):
            solutions.append(solve_svms_in_blocks(rows, LABELS, c=1.0, is_scaled=True))
    for one, three in zip(*solutions, strict=True):
        assert one.any() and (one == three).all()


@needs_kernels
def test_few_rounds_are_not_the_solution(rows: SparseRows, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first test compares comes from the rounds, not from the first block."""
    weight, intercept = solve_svms(MATRIX, LABELS, c=1.0)
    monkeypatch.setattr(svm_blocks, "MAX_ROUNDS", 1)
    first, start = solve_svms_in_blocks(rows, LABELS, c=1.0, is_scaled=False)
    assert np.abs(FEATURES @ (first - weight).T + start - intercept).max() > 0.1


def test_without_the_kernel_blocks_are_averaged(
    rows: SparseRows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The mean of LIBLINEAR's machines mostly decides alike; a label that only one block has does not stop it."""
    monkeypatch.setattr(svm_blocks, "load_kernels", lambda: None)
    rare = np.zeros((300, 1), bool)
    rare[7] = True
    weight, intercept = solve_svms_in_blocks(rows, np.hstack([LABELS, rare]), c=1.0, is_scaled=True)
    decided = FEATURES @ weight.T + intercept > 0
    assert (decided[:, :3] == LABELS).mean() > 0.8 and not decided[:, 3].all()
    assert "raise train.memory" in caplog.text


@pytest.mark.parametrize("is_scaled", [False, True], ids=["plain", "scaled"])
def test_values_are_those_of_ridge_regression(rows: SparseRows, is_scaled: bool) -> None:
    exact, blocks = (fit_ridge(x, VALUES, c=1.0, is_scaled=is_scaled) for x in (MATRIX, rows))
    outputs = [FEATURES @ model.weight[0] + model.intercept[0] for model in (exact, blocks)]
    assert outputs[1] == pytest.approx(outputs[0], abs=0.01) and np.ptp(outputs[0]) > 1


def test_two_classes_share_a_hyperplane_on_disk(rows: SparseRows) -> None:
    """Every caller of the solver reads rows on disk, the one for two classes too."""
    ids = np.where(LABELS[:, 0], 2, 0)
    exact, blocks = (fit_classes(x, ids, num_classes=3, c=1.0) for x in (MATRIX, rows))
    assert blocks.weight.shape == exact.weight.shape
    decided = [(FEATURES @ m.weight.T + m.intercept).argmax(axis=1) for m in (exact, blocks)]
    assert (decided[0] == decided[1]).mean() > 0.9


@needs_kernels
def test_memory_is_that_of_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix has 1.2 MB, a block an eighth; scaled values, labels and variables of a block come on top."""
    matrix = sparse.csr_array(RNG.random(size=(3000, 50)).astype(np.float32))
    labels = matrix @ RNG.normal(size=(50, 1)) > 0
    storage = Storage(max_bytes=2 * matrix.nnz * BYTES_PER_VALUE // 8, folder=tmp_path)
    rows = SparseRows([matrix], 50, storage=storage)
    monkeypatch.setattr(svm_blocks, "MAX_ROUNDS", 2)
    tracemalloc.start()
    try:
        solve_svms_in_blocks(rows, labels, c=0.01, is_scaled=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert matrix.nnz * BYTES_PER_VALUE == 1_200_000 and peak < 600_000
