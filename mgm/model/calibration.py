"""What validation says of the scores of a task: the temperatures that calibrate them, and the precision above each of them.

Probabilities are read as they are written, with their four decimals, so that what is fitted, measured and applied is the same.

Axes: N predictions, C classes of a prediction, R rows, K labels.
Source: Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from mgm.model.rounding import SCORE_DIGITS, round_scores

MIN_PROBABILITY = 5e-5
"""Probabilities are written with four decimals: one below half of the last of them counts as this."""
MIN_EXAMPLES = 10
"""The fewest documents of validation with a label, and without it, that the label gets a temperature of its own from."""
MIN_KEPT = 20
"""The fewest predictions of validation that a precision is read from: of fewer, chance alone would reach any."""
TEMPERATURE_BOUNDS = (0.05, 20.0)
_AT_BOUND = 1.01
"""A temperature within this factor of a bound is one that validation does not determine."""


@dataclass(frozen=True, kw_only=True)
class Temperatures:
    """The temperatures of a task: one for all labels, and where each label is a decision of its own one for each of them."""

    common: float
    labels: list[float] | None = None

    def broadcast(self, num_predictions: int) -> np.ndarray:
        """Return the temperature of each prediction, (N, 1): of row 0 and all labels, of row 1 and all labels, and so on."""
        values = [self.common] if self.labels is None else self.labels
        return np.tile(np.asarray(values, np.float64), num_predictions // max(len(values), 1))[:, None]


class PrecisionPoint(NamedTuple):
    """The predictions of validation with at least this score, and those of them that are right."""

    score: float
    kept: int
    correct: int

    @property
    def precision(self) -> float:
        """The share of them that is right."""
        return self.correct / self.kept


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What validation says of the scores of a task.

    Attributes:
        temperatures: those that the scores are divided by; None: validation determines none.
        predictions: the number of predictions that the precision is of.
        points: the lowest score for each precision that is higher than at any score below, by ascending score.
    """

    temperatures: Temperatures | None
    predictions: int
    points: tuple[PrecisionPoint, ...]

    def point(self, precision: float) -> PrecisionPoint | None:
        """Return the lowest score from which on predictions of validation have this precision; None: they never have."""
        return next((point for point in self.points if point.precision >= precision), None)

    @property
    def highest(self) -> PrecisionPoint | None:
        """The score with the highest precision; None: there are fewer than MIN_KEPT predictions."""
        return self.points[-1] if self.points else None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as `from_json` reads them."""
        temperatures = self.temperatures
        return {
            "temperatures": None
            if temperatures is None
            else {"common": temperatures.common, "labels": temperatures.labels},
            "predictions": self.predictions,
            "points": [list(point) for point in self.points],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], *, num_labels: int) -> "Calibration":
        """Return the calibration of a task with so many labels.

        Raises:
            ValueError: a number is not what it can be.
        """
        temperatures = None if fields["temperatures"] is None else Temperatures(**fields["temperatures"])
        if temperatures is not None:
            labels = temperatures.labels
            values = [temperatures.common, *(labels or [])]
            low, high = TEMPERATURE_BOUNDS
            if (labels is not None and len(labels) != num_labels) or not all(
                low <= v <= high for v in values
            ):
                raise ValueError(
                    f"temperatures: expected one, and one for each of {num_labels} labels, of {low} to {high}"
                )
        points = tuple(PrecisionPoint(*point) for point in fields["points"])
        for point in points:
            if not (0 <= point.score <= 1 and 0 <= point.correct <= point.kept and point.kept > 0):
                raise ValueError(
                    f"points: {list(point)}: expected a score, predictions, and the right ones of them"
                )
        return cls(temperatures=temperatures, predictions=int(fields["predictions"]), points=points)


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithms of rounded probabilities, those near 0 raised to `MIN_PROBABILITY`."""
    return np.log(np.clip(probabilities, MIN_PROBABILITY, 1.0))


def log_softmax(logits_NC: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of each row."""
    shifted = logits_NC - logits_NC.max(axis=1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def binary_logits(probability_N: np.ndarray) -> np.ndarray:
    """Return the logits (N, 2) of no and yes for probabilities of yes."""
    return np.stack([log_probabilities(1 - probability_N), log_probabilities(probability_N)], axis=1)


def fit_temperature(logits_NC: np.ndarray, target_N: np.ndarray) -> float | None:
    """Return the temperature with the highest likelihood, with four decimals.

    Args:
        logits_NC: log-probabilities up to a constant.
        target_N: the true classes; those below 0 are left out.

    Returns:
        None where there is none: no true class is known, or the likelihood rises up to a bound, as it does where every prediction
        is right.
    """
    is_known = target_N >= 0
    if not is_known.any():
        return None
    logits, target = logits_NC[is_known], target_N[is_known]

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature))
        return float(-scaled[np.arange(len(target)), target].mean())

    low, high = TEMPERATURE_BOUNDS
    found = minimize_scalar(
        loss, bounds=(np.log(low), np.log(high)), method="bounded", options={"xatol": 1e-4}
    )
    temperature = float(np.exp(found.x))
    if not low * _AT_BOUND < temperature < high / _AT_BOUND:
        return None
    return round(temperature, SCORE_DIGITS)


def calibrate_classes(probs_RK: np.ndarray, temperatures: Temperatures) -> np.ndarray:
    """Return calibrated probabilities (R, K) of exclusive labels, with four decimals."""
    logits = log_probabilities(round_scores(probs_RK).astype(np.float64))
    return round_scores(np.exp(log_softmax(logits / temperatures.common)))


def calibrate_labels(probs_RK: np.ndarray, temperatures: Temperatures) -> np.ndarray:
    """Return calibrated probabilities (R, K) of labels that are independent of each other, with four decimals."""
    logits = binary_logits(round_scores(probs_RK).astype(np.float64).ravel())
    scaled = logits / temperatures.broadcast(len(logits))
    return round_scores(np.exp(log_softmax(scaled))[:, 1].reshape(probs_RK.shape))


def fit_class_calibration(probs_RK: np.ndarray, truth_R: np.ndarray) -> Calibration:
    """Return the calibration of exclusive labels.

    Args:
        probs_RK: the probabilities of validation.
        truth_R: the ids of the true labels, below 0 for one that training never saw.
    """
    rounded = round_scores(probs_RK).astype(np.float64)
    best = probs_RK.argmax(axis=1)
    common = fit_temperature(log_probabilities(rounded), truth_R)
    return Calibration(
        temperatures=None if common is None else Temperatures(common=common),
        predictions=len(best),
        points=_points(rounded[np.arange(len(best)), best], best == truth_R),
    )


def fit_label_calibration(
    probs_RK: np.ndarray, truth_RK: np.ndarray, *, is_predicted_RK: np.ndarray
) -> Calibration:
    """Return the calibration of labels that are independent of each other.

    Args:
        probs_RK: the probabilities of validation.
        truth_RK: which labels hold.
        is_predicted_RK: which are predicted.
    """
    rounded = round_scores(probs_RK).astype(np.float64)
    common = fit_temperature(binary_logits(rounded.ravel()), truth_RK.ravel().astype(np.int64))
    temperatures = None
    if common is not None:
        by_label = [
            _label_temperature(p, t, common=common) for p, t in zip(rounded.T, truth_RK.T, strict=True)
        ]
        temperatures = Temperatures(common=common, labels=by_label)
    return Calibration(
        temperatures=temperatures,
        predictions=int(is_predicted_RK.sum()),
        points=_points(rounded[is_predicted_RK], truth_RK[is_predicted_RK]),
    )


def _label_temperature(probability_R: np.ndarray, is_true_R: np.ndarray, *, common: float) -> float:
    if min(is_true_R.sum(), (~is_true_R).sum()) < MIN_EXAMPLES:
        return common
    return fit_temperature(binary_logits(probability_R), is_true_R.astype(np.int64)) or common


def _points(score_N: np.ndarray, is_correct_N: np.ndarray) -> tuple[PrecisionPoint, ...]:
    """Return the scores from which on the precision is higher than from any lower score on."""
    order = np.argsort(-score_N, kind="stable")
    score, correct = score_N[order], np.cumsum(is_correct_N[order])
    # the predictions with at least a score end where the next score is lower
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True)) if len(score) else np.zeros(0, np.int64)
    points: list[PrecisionPoint] = []
    for end in ends[ends + 1 >= MIN_KEPT][::-1].tolist():
        point = PrecisionPoint(round(float(score[end]), SCORE_DIGITS), end + 1, int(correct[end]))
        if not points or point.precision > points[-1].precision:
            points.append(point)
    return tuple(points)


def describe_shortfall(calibration: Calibration, precision: float) -> str:
    """Return why a precision is not reached, in the words of an error."""
    highest = calibration.highest
    if highest is None:
        return f"validation has {calibration.predictions:,} predictions; expected at least {MIN_KEPT} to read a precision from"
    return (
        f"the highest precision on validation is {highest.precision:.4f}, of the {highest.kept:,} of {calibration.predictions:,} "
        f"predictions with a score of {highest.score:.4f} or more; expected at most that, found {precision}"
    )
