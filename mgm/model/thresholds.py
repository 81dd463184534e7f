"""Decision thresholds of multilabel tasks, tuned on the validation split."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

MIN_POSITIVES = 10
"""A label with fewer validation documents takes the common threshold, since a separate one would fit noise."""
_DIGITS = 4


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of one task: one for all labels, one for each label, and which of the two predicts.

    `mode` is whichever gives the higher micro-F1 on validation, the common one at a tie.
    """

    common: float
    labels: list[float]
    mode: Literal["common", "labels"]

    @property
    def values(self) -> np.ndarray:
        """(K,) float32; a label is predicted where its probability reaches its value."""
        chosen = self.labels if self.mode == "labels" else [self.common] * len(self.labels)
        return np.asarray(chosen, np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the fields, as `Thresholds(**fields)` reads them."""
        return asdict(self)


def untuned(num_labels: int) -> Thresholds:
    """Return thresholds of one half, which serve where validation has no labelled document."""
    return Thresholds(common=0.5, labels=[0.5] * num_labels, mode="common")


def tune(probs: np.ndarray, truth: np.ndarray) -> Thresholds:
    """Return the thresholds that maximise micro-F1 (common) and each label's own F1 (labels).

    Args:
        probs: (n,K) float, of the labelled documents of the validation split.
        truth: (n,K) bool.
    """
    n, k = probs.shape
    if n == 0 or not truth.any():
        return untuned(k)
    common = best_threshold(probs.ravel(), truth.ravel())
    by_label = [
        best_threshold(probs[:, j], truth[:, j]) if truth[:, j].sum() >= MIN_POSITIVES else common
        for j in range(k)
    ]
    gain = micro_f1(probs >= np.asarray(by_label, np.float32), truth) - micro_f1(
        probs >= np.float32(common), truth
    )
    return Thresholds(common=common, labels=by_label, mode="labels" if gain > 0 else "common")


def best_threshold(probs: np.ndarray, truth: np.ndarray) -> float:
    """Return the cut of n scores that maximises F1, halfway between two scores; the higher cut at a tie."""
    order = np.argsort(-probs, kind="stable")
    score, hit = probs[order].astype(np.float64), truth[order]
    f1 = 2 * np.cumsum(hit) / (np.arange(1, len(hit) + 1) + hit.sum())
    below = np.append(score[1:], 0.0)
    f1[score == below] = -1  # no cut separates equal scores
    best = int(np.argmax(f1))
    return round(float((score[best] + below[best]) / 2), _DIGITS)


def micro_f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return the micro-F1 of two (n,K) bool arrays; 0 where neither holds anything."""
    return float(2 * (predicted & truth).sum() / max(int(predicted.sum() + truth.sum()), 1))
