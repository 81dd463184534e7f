"""A class's frequency in its logit, tuned on validation."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score

from mgm.training.logit_adjustment import STRENGTHS, log_share, strength


def test_shares_count_one_more_of_every_class() -> None:
    assert np.exp(log_share(np.array([0, 0, 1]), 3)) == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_a_rare_class_that_its_frequency_drowns_comes_through() -> None:
    shares = log_share(np.repeat([0, 1], [95, 5]), 2)
    logits = np.array([[0.2, -0.2], [0.2, -0.2], [0.2, -0.2], [0.3, -0.3], [0.02, -0.02]])
    truth = np.array([0, 0, 0, 0, 1])
    found = strength(softmax(logits, axis=1), truth, shares)
    assert found > 0
    assert (logits - found * shares).argmax(1).tolist() == truth.tolist()


def test_no_accuracy_is_given_for_macro_f1() -> None:
    """To catch the one rare document, two frequent ones would be lost."""
    shares = log_share(np.repeat([0, 1], [95, 5]), 2)
    truth = np.array([0, 0, 0, 0, 1])
    probs = softmax(np.array([[0.02, -0.02]] * 5), axis=1)
    assert strength(probs, truth, shares) == 0.0


@pytest.mark.parametrize("documents", [0, 40])
def test_it_is_the_best_of_those_tried(documents: int) -> None:
    rng = np.random.default_rng(3)
    probs, truth = rng.dirichlet([4, 1, 1], documents), rng.integers(-1, 3, documents)
    shares = log_share(rng.integers(0, 3, 50), 3)
    found = strength(probs, truth, shares)

    def reached(tried: float) -> tuple[float, float]:
        said = (np.log(probs) - tried * shares).argmax(1)
        return accuracy_score(truth, said), f1_score(
            truth, said, labels=[0, 1, 2], average="macro", zero_division=0
        )

    if documents:
        allowed = [reached(s)[1] for s in STRENGTHS if reached(s)[0] >= reached(0.0)[0]]
        assert reached(found)[1] == pytest.approx(max(allowed))
    else:
        assert found == 0.0
