import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from mgm.evaluation.bootstrap import GroupBootstrap
from mgm.evaluation.calibration import (
    calibration,
    chance_calibration_error,
    expected_calibration_error,
    headline,
    reliability,
    reliability_curve,
)
from mgm.evaluation.kinds import evaluation_of
from mgm.model.calibration import Calibration, Temperatures, fit_temperature
from tests.evaluation.frames import classified, frame, span, task

LABELS = ["cat", "rain", "猫"]


def sample(n: int, heat: float, seed: int) -> pl.DataFrame:
    """Documents whose labels are drawn from the softmax of logits; the model says these logits times `heat`."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (n, 3))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    true = (generator.random((n, 1)) > probs.cumsum(1)).sum(1)
    return classified(logits * heat, true, LABELS)


CLASSES = task("classification", LABELS)


def bootstrap(rows: pl.DataFrame) -> GroupBootstrap:
    return GroupBootstrap({"c": rows["group"]}, resamples=100, seed=1)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=60))
def test_bins_and_their_error_agree_with_an_independent_count(pairs: list[tuple[int, bool]]) -> None:
    confidence = np.array([(c + 0.37) / 101 for c, _ in pairs])  # off the bins' edges
    right = np.array([r for _, r in pairs])
    found = reliability(confidence, right, bins=10)
    accuracy, mean = calibration_curve(right, confidence, n_bins=10)
    assert [b["accuracy"] for b in found] == pytest.approx(accuracy.tolist(), abs=1e-4)
    assert [b["confidence"] for b in found] == pytest.approx(mean.tolist(), abs=1e-4)
    assert sum(b["n"] for b in found) == len(pairs)
    expected = 0.0
    for low in np.arange(10) / 10:
        own = (confidence > low) & (confidence <= low + 0.1)
        if own.any():
            expected += own.mean() * abs(right[own].mean() - confidence[own].mean())
    assert expected_calibration_error(confidence, right, bins=10) == pytest.approx(expected)


def test_the_likelihood_is_the_log_loss_of_scikit_learn() -> None:
    rows = sample(300, 1.0, 1)
    found = evaluation_of(CLASSES).class_predictions(rows, CLASSES)
    assert found is not None
    expected = log_loss(rows["label:t"], np.array(rows["probs:t"].to_list()), labels=LABELS)
    assert found.negative_log_likelihood().mean() == pytest.approx(
        expected, abs=1e-3
    )  # probabilities are rounded


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.5], ids=["too unsure", "calibrated", "too sure"])
def test_the_temperature_is_what_the_logits_were_multiplied_with(heat: float) -> None:
    valid, test = sample(4000, heat, 2), sample(4000, heat, 3)
    found = calibration(test, valid, task=CLASSES, bins=10, bootstrap=bootstrap(test))
    assert found is not None
    assert found["temperature"] == pytest.approx(heat, rel=0.12)
    assert found["fitted_on"] == found["n"] == 4000
    assert found["after"]["ece"] < 0.025
    if heat != 1.0:
        assert found["before"]["ece"] > 0.05
        assert found["change"]["ece"]["high"] < 0
        assert found["change"]["nll"]["high"] < 0
    predictions = evaluation_of(CLASSES).class_predictions(valid, CLASSES)
    assert predictions is not None
    lowest = min((predictions.negative_log_likelihood(t).mean(), t) for t in np.linspace(0.2, 4, 381))
    assert found["temperature"] == pytest.approx(lowest[1], abs=0.02)


def test_a_calibrated_model_shows_about_the_error_of_chance() -> None:
    generator = np.random.default_rng(4)
    seen = []
    for _ in range(300):
        confidence = generator.uniform(0.3, 1, 500)
        right = generator.random(500) < confidence
        seen.append(expected_calibration_error(confidence, right, bins=10))
    assert chance_calibration_error(confidence, bins=10) == pytest.approx(np.mean(seen), rel=0.1)


def test_the_unit_is_a_label_of_a_set_and_a_predicted_span() -> None:
    sets, spans = task("multilabel", ["cat", "rain"]), task("tagging", ["A", "B"])
    rows = frame(
        "multilabel",
        [["cat"], [], ["new"]],
        [["cat"], ["cat"], []],
        t_probs=pl.Series([[0.9, 0.1], [0.6, 0.2], [0.3, 0.4]], dtype=pl.List(pl.Float32)),
    )
    found = evaluation_of(sets).class_predictions(rows, sets)
    assert found is not None
    assert found.confidence().tolist() == pytest.approx([0.9, 0.1, 0.6, 0.2, 0.3, 0.4])
    assert found.is_correct.tolist() == [True, False, False, False, False, False]
    predicted = [[span(0, 2, "A", 0.8), span(3, 5, "A", 0.3)], [span(0, 2, "B", 0.6)]]
    rows = frame("tagging", [[span(0, 2, "A"), span(3, 4, "A")], [span(0, 2, "A")]], predicted)
    found = evaluation_of(spans).class_predictions(rows, spans)
    assert found is not None
    assert found.row.tolist() == [0, 0, 1]
    assert found.confidence().tolist() == pytest.approx([0.8, 0.3, 0.6])
    assert found.is_correct.tolist() == [True, False, False]


def test_an_unseen_class_is_wrong_and_has_no_likelihood() -> None:
    rows = sample(50, 1.0, 5)
    rows = rows.with_columns(
        pl.when(pl.col("doc_id") < "d0010").then(pl.lit("new")).otherwise("label:t").alias("label:t")
    )
    found = evaluation_of(CLASSES).class_predictions(rows, CLASSES)
    assert found is not None
    assert np.isnan(found.negative_log_likelihood()).sum() == 10
    assert not found.is_correct[:10].any()
    assert fit_temperature(found.logits, found.target) is not None
    content = calibration(rows, rows[:10], task=CLASSES, bins=10, bootstrap=bootstrap(rows))
    assert content is not None
    assert (content["temperature"], content["after"], content["change"]) == (None, None, None)
    assert headline(content) == {"ece": content["before"]["ece"], "ece_scaled": None, "temperature": None}
    assert set(reliability_curve(content)["when"]) == {"before"}


def test_without_probabilities_or_labels_nothing_is_calibrated() -> None:
    numbers = frame("regression", [1.0], [2.0])
    assert (
        calibration(numbers, numbers, task=task("regression"), bins=10, bootstrap=bootstrap(numbers)) is None
    )
    empty = sample(5, 1.0, 1).clear()
    assert calibration(empty, empty, task=CLASSES, bins=10, bootstrap=bootstrap(empty)) is None
    spans = frame("tagging", [[]], [[]])
    assert calibration(spans, spans, task=task("tagging", ["A"]), bins=10, bootstrap=bootstrap(spans)) is None


def test_labels_of_a_set_are_measured_with_their_own_temperatures() -> None:
    """Those of the bundle, and none that is fitted here."""
    sets = task("multilabel", ["cat", "rain"])
    rows = frame(
        "multilabel",
        [["cat"], []],
        [["cat"], ["cat"]],
        t_probs=pl.Series([[0.8, 0.2], [0.6, 0.3]], dtype=pl.List(pl.Float32)),
    )
    fitted = Calibration(temperatures=Temperatures(common=1.5, labels=[2.0, 0.5]), predictions=2, points=())
    found = calibration(rows, rows, task=sets, bins=10, bootstrap=bootstrap(rows), fitted=fitted)
    assert found is not None
    assert (found["temperature"], found["temperatures"]) == (1.5, {"cat": 2.0, "rain": 0.5})
    assert found["applied"]
    odds = np.array([4.0**0.5, 0.25**2, 1.5**0.5, (3 / 7) ** 2])
    confidence = odds / (1 + odds)
    likelihood = np.where([True, False, False, False], confidence, 1 - confidence)
    assert found["after"]["nll"] == pytest.approx(-np.log(likelihood).mean(), abs=1e-4)
    none = Calibration(temperatures=None, predictions=2, points=())
    found = calibration(rows, rows, task=sets, bins=10, bootstrap=bootstrap(rows), fitted=none)
    assert found is not None and found["after"] is None
