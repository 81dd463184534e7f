"""A class's frequency in its logit, tuned on validation."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score

from mgm.training.logit_adjustment import MAX_ACCURACY_LOSS, TAUS, log_class_prior, tune_tau


def test_shares_count_one_more_of_every_class() -> None:
    assert np.exp(log_class_prior(np.array([0, 0, 1]), 3)) == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_a_rare_class_that_its_frequency_drowns_comes_through() -> None:
    shares = log_class_prior(np.repeat([0, 1], [95, 5]), 2)
    logits = np.array([[0.2, -0.2], [0.2, -0.2], [0.2, -0.2], [0.3, -0.3], [0.02, -0.02]])
    truth = np.array([0, 0, 0, 0, 1])
    found = tune_tau(softmax(logits, axis=1), truth, log_prior=shares)
    assert found > 0
    assert (logits - found * shares).argmax(1).tolist() == truth.tolist()


@pytest.mark.parametrize(("lost", "given"), [(5, True), (6, False)])
def test_at_most_half_a_point_of_accuracy_is_lost(lost: int, given: bool) -> None:
    """To catch rare documents, some frequent ones that look like them are lost: of 1,000, net of what is caught."""
    shares = log_class_prior(np.repeat([0, 1], [95, 5]), 2)
    alike, sure = [0.02, -0.02], [4.0, -4.0]
    truth = np.repeat([1, 0, 0], [2, 2 + lost, 996 - lost])
    probs = softmax(np.array([alike] * (4 + lost) + [sure] * (996 - lost)), axis=1)
    assert (tune_tau(probs, truth, log_prior=shares) > 0) is given


@pytest.mark.parametrize("documents", [0, 40])
def test_it_is_the_best_of_those_tried(documents: int) -> None:
    rng = np.random.default_rng(3)
    probs, truth = rng.dirichlet([4, 1, 1], documents), rng.integers(-1, 3, documents)
    shares = log_class_prior(rng.integers(0, 3, 50), 3)
    found = tune_tau(probs, truth, log_prior=shares)

    def reached(tried: float) -> tuple[float, float]:
        said = (np.log(probs) - tried * shares).argmax(1)
        return accuracy_score(truth, said), f1_score(
            truth, said, labels=[0, 1, 2], average="macro", zero_division=0
        )

    if documents:
        allowed = [reached(s)[1] for s in TAUS if reached(s)[0] >= reached(0.0)[0] - MAX_ACCURACY_LOSS]
        assert reached(found)[1] == pytest.approx(max(allowed))
    else:
        assert found == 0.0
