"""N-grams that tell of a label or a value are scaled up, and documents keep their mean length."""

import numpy as np
import pytest
from scipy import sparse

from mgm.training.ngram_scaling import SMOOTHING, label_scale, value_scale

# documents of good, bad, the
FEATURES = sparse.csr_matrix(np.array([[3.0, 0, 2], [2, 0, 2], [0, 4, 2], [0, 1, 2]], np.float32))
IS_GOOD = np.array([True, True, False, False])


def test_a_label_scales_by_the_ratio_of_frequencies() -> None:
    scale = label_scale(FEATURES, IS_GOOD)
    sums = np.array([[5, 0, 4], [0, 5, 4]]) + SMOOTHING
    shares = sums / sums.sum(axis=1, keepdims=True)
    ratio = np.abs(np.log(shares[0] / shares[1]))
    assert scale[1] / scale[0] == pytest.approx(ratio[1] / ratio[0])
    assert scale[2] == pytest.approx(0, abs=1e-6) and scale.dtype == np.float32


def test_values_scale_by_the_mean_of_their_documents() -> None:
    scale = value_scale(FEATURES, np.array([5.0, 3, 1, 1]))
    sums = np.array([3 * 2.5 + 2 * 0.5, 4 * 1.5 + 1 * 1.5, 0])  # the mean of the values is 2.5
    expected = sums / (np.array([5, 5, 8]) + SMOOTHING)
    assert scale[1] / scale[0] == pytest.approx(expected[1] / expected[0])
    assert scale[2] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("scale", [label_scale(FEATURES, IS_GOOD), value_scale(FEATURES, np.arange(4.0))])
def test_documents_keep_their_mean_length(scale: np.ndarray) -> None:
    scaled = FEATURES @ sparse.diags(scale)
    assert scaled.power(2).sum() == pytest.approx(FEATURES.power(2).sum())


def test_without_a_difference_nothing_is_scaled() -> None:
    same = sparse.csr_matrix(np.ones((2, 2), np.float32))
    assert (label_scale(same, np.array([True, False])) == 1).all()
    assert (value_scale(same, np.array([2.0, 2.0])) == 1).all()
