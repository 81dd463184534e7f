"""Temperatures, and the score from which on predictions are precise."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit, softmax

from mgm.model.calibration import (
    MIN_EXAMPLES,
    MIN_KEPT,
    Calibration,
    Temperatures,
    calibrate_classes,
    calibrate_labels,
    describe_shortfall,
    fit_class_calibration,
    fit_label_calibration,
    fit_temperature,
    log_probabilities,
)


def classes(n: int, heat: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of logits times `heat`, and labels drawn from the softmax of the logits."""
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 1.5, (n, 3))
    truth = (generator.random((n, 1)) > softmax(logits, axis=1).cumsum(1)).sum(1)
    return softmax(logits * heat, axis=1).astype(np.float32), truth


@pytest.mark.parametrize("heat", [0.6, 2.0], ids=["too unsure", "too sure"])
def test_temperature_is_what_the_logits_were_multiplied_with(heat: float) -> None:
    probs, truth = classes(3000, heat)
    found = fit_class_calibration(probs, truth)
    assert found.temperatures is not None and found.temperatures.labels is None
    assert found.temperatures.common == pytest.approx(heat, rel=0.1)
    calibrated = calibrate_classes(probs, found.temperatures)
    assert calibrated.max(1).mean() == pytest.approx((probs.argmax(1) == truth).mean(), abs=0.02)


def test_no_temperature_where_validation_determines_none() -> None:
    probs, _ = classes(50, 1.0)
    logits = log_probabilities(probs)
    assert fit_temperature(logits, np.full(50, -1)) is None
    assert fit_temperature(logits, probs.argmax(1)) is None, "every prediction is right"
    found = fit_class_calibration(probs, probs.argmax(1))
    assert found.temperatures is None and found.points[-1].precision == 1


def test_label_has_a_temperature_of_its_own_if_it_is_seen_enough() -> None:
    generator = np.random.default_rng(2)
    logits = generator.normal(0, 2, (2000, 3))
    truth = generator.random((2000, 3)) < expit(logits)
    truth[:, 2] = False
    truth[: MIN_EXAMPLES - 1, 2] = True
    probs = expit(logits * [1.0, 3.0, 1.0]).astype(np.float32)
    found = fit_label_calibration(probs, truth, is_predicted_RK=probs >= 0.5)
    assert found.temperatures is not None and found.temperatures.labels is not None
    assert found.temperatures.labels[:2] == pytest.approx([1.0, 3.0], rel=0.15)
    assert found.temperatures.labels[2] == found.temperatures.common
    calibrated = calibrate_labels(
        probs[:, :2], Temperatures(common=1.0, labels=found.temperatures.labels[:2])
    )
    far = np.abs(logits[:, 1]) < 2.5  # of rounded probabilities near 0 and 1 little is left
    expected = expit(logit(probs[far, 1].astype(float)) / found.temperatures.labels[1])
    assert calibrated[far, 1] == pytest.approx(expected, abs=0.02)


def test_calibration_keeps_the_order_of_labels() -> None:
    probs, _ = classes(200, 1.0)
    for temperature in (0.3, 4.0):
        found = calibrate_classes(probs, Temperatures(common=temperature))
        assert (np.take_along_axis(found, probs.argmax(1)[:, None], 1)[:, 0] >= found.max(1)).all()


def test_least_score_is_the_lowest_that_reaches_the_precision() -> None:
    """Of 100 predictions those with a score of .5 are wrong one time in two, those of .8 one in five, those of .9 never."""
    score = np.repeat([0.5, 0.8, 0.9], [40, 40, 20])
    correct = np.concatenate([np.arange(40) % 2 == 0, np.arange(40) % 5 > 0, np.ones(20, bool)])
    probs = np.stack([score, 1 - score - 0.01], axis=1)
    found = fit_class_calibration(probs, np.where(correct, 0, 1))
    assert [tuple(point) for point in found.points] == [(0.5, 100, 72), (0.8, 60, 52), (0.9, 20, 20)]
    assert found.point(0.7) == (0.5, 100, 72)
    assert found.point(0.86) == (0.8, 60, 52)
    assert found.point(0.87) == found.point(0.99) == (0.9, 20, 20)


def test_precision_of_few_predictions_is_none() -> None:
    probs = np.full((MIN_KEPT - 1, 2), 0.5)
    found = fit_class_calibration(probs, np.zeros(MIN_KEPT - 1, np.int64))
    assert found.points == () and found.point(0.5) is None
    assert describe_shortfall(found, 0.5) == (
        "validation has 19 predictions; expected at least 20 to read a precision from"
    )


def test_calibration_is_the_same_after_json() -> None:
    probs, truth = classes(100, 1.0)
    for found in (
        fit_class_calibration(probs, truth),
        fit_label_calibration(probs, probs > 0.4, is_predicted_RK=probs > 0.3),
    ):
        assert Calibration.from_json(found.to_json(), num_labels=3) == found


@pytest.mark.parametrize(
    "fields",
    [
        {"temperatures": {"common": 1.0, "labels": [1.0]}},
        {"temperatures": {"common": 0.0, "labels": None}},
        {"temperatures": {"common": float("nan"), "labels": None}},
        {"points": [[0.5, 0, 0]]},
        {"points": [[1.5, 2, 1]]},
        {"points": [[0.5, 2, 3]]},
    ],
    ids=["labels missing", "zero", "nan", "of nothing", "no score", "more right than kept"],
)
def test_numbers_that_cannot_be_are_refused(fields: dict[str, Any]) -> None:
    content = {"temperatures": None, "predictions": 2, "points": []} | fields
    with pytest.raises(ValueError, match="expected"):
        Calibration.from_json(content, num_labels=2)
