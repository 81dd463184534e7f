"""How a task's linear model is solved for is chosen on documents that its models did not see."""

import numpy as np
import pytest
from scipy import sparse

from mgm.settings.model import WideSettings
from mgm.training.linear_models import Features, LinearModel
from mgm.training.sparse_rows import SparseRows, Storage
from mgm.training.wide_tuning import (
    CANDIDATE_CS,
    MAX_DOCUMENTS,
    MIN_DOCUMENTS,
    WideMethod,
    candidate_methods,
    solve_method,
    tune_method,
)

METHODS = candidate_methods(WideSettings())


def choose(
    best: WideMethod, num_documents: int = MIN_DOCUMENTS, *, is_on_disk: bool = False
) -> tuple[WideMethod, list[int]]:
    """Return the choice where the models of `best` are right, and the numbers of documents that models were fitted on."""
    targets = np.arange(num_documents) % 2
    features: Features = sparse.csr_matrix(targets[:, None].astype(np.float32))
    if is_on_disk:
        features = SparseRows([sparse.csr_array(features)], 1, storage=Storage(max_bytes=100))
    fitted: list[int] = []

    def solve(features: sparse.csr_matrix, targets: np.ndarray, *, c: float, is_scaled: bool) -> LinearModel:
        fitted.append(len(targets))
        value = {"none": 0.0, "nb": 1.0, "mean": 0.5}
        distance = abs(value["nb" if is_scaled else "none"] - value[best.scaling])
        return LinearModel(
            weight=np.array([[100 * c + (distance if is_scaled else -distance)]]), intercept=np.zeros(1)
        )

    def score(outputs: np.ndarray, targets: np.ndarray) -> float:
        return -float(np.abs(outputs[:, 0] - 100 * best.c * targets).sum())

    folds = np.arange(num_documents) // 2 % 3
    method = tune_method(features, targets, folds=folds, methods=METHODS, solve=solve, score=score)
    return method, fitted


@pytest.mark.parametrize("best", METHODS, ids=lambda method: f"{method.c}-{method.scaling}")
def test_the_best_method_on_held_out_documents_is_chosen(best: WideMethod) -> None:
    assert choose(best)[0] == best


@pytest.mark.parametrize("num_documents", [MIN_DOCUMENTS, 2 * MAX_DOCUMENTS], ids=["all", "sample"])
def test_documents_on_disk_are_tuned_on_alike(num_documents: int) -> None:
    assert choose(METHODS[-1], num_documents, is_on_disk=True) == choose(METHODS[-1], num_documents)


def test_each_model_is_fitted_once_a_fold_on_a_bounded_number_of_documents() -> None:
    _, fitted = choose(METHODS[0], 2 * MAX_DOCUMENTS)
    assert len(fitted) == 3 * 2 * len(CANDIDATE_CS)
    assert max(fitted) <= MAX_DOCUMENTS * 0.7


def test_few_documents_or_one_fold_are_not_tuned() -> None:
    assert choose(METHODS[-1], MIN_DOCUMENTS - 1) == (METHODS[0], [])
    assert METHODS[0] == WideMethod()


def test_settings_narrow_the_candidates() -> None:
    assert candidate_methods(WideSettings(c=2.0, scaling="nb")) == [WideMethod(c=2.0, scaling="nb")]
    assert {m.c for m in candidate_methods(WideSettings(scaling="none"))} == set(CANDIDATE_CS)
    assert len(METHODS) == 3 * len(CANDIDATE_CS)


def test_the_mean_is_one_model() -> None:
    def solve(features: object, targets: object, *, c: float, is_scaled: bool) -> LinearModel:
        return LinearModel(weight=np.array([[c, 3.0 * is_scaled]]), intercept=np.array([1.0 + is_scaled]))

    empty = sparse.csr_matrix((0, 2))
    model = solve_method(empty, np.zeros(0), method=WideMethod(c=2.0, scaling="mean"), solve=solve)
    assert model.weight.tolist() == [[2.0, 1.5]] and model.intercept.tolist() == [1.5]
