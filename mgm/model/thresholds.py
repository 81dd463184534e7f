"""Decision thresholds of multilabel tasks, tuned on the validation split."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

MIN_POSITIVES = 10
"""A label with fewer validation documents takes the common threshold: its own would be tuned to noise."""
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
        """(K,) float32: a label is predicted where its probability reaches its value."""
        chosen = self.labels if self.mode == "labels" else [self.common] * len(self.labels)
        return np.asarray(chosen, np.float32)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def untuned(label_count: int) -> Thresholds:
    """One half for every label: what predicts where validation has no labelled document."""
    return Thresholds(0.5, [0.5] * label_count, "common")


def tune(probs: np.ndarray, truth: np.ndarray) -> Thresholds:
    """Thresholds that maximise micro-F1 (common) and each label's own F1 (labels).

    Args:
        probs: (n,K) float, truth: (n,K) bool; n labelled documents of the validation split.
    """
    n, k = probs.shape
    if n == 0 or not truth.any():
        return untuned(k)
    common = best_threshold(probs.ravel(), truth.ravel())
    own = [
        best_threshold(probs[:, j], truth[:, j]) if truth[:, j].sum() >= MIN_POSITIVES else common
        for j in range(k)
    ]
    gain = micro_f1(probs >= np.asarray(own, np.float32), truth) - micro_f1(
        probs >= np.float32(common), truth
    )
    return Thresholds(common, own, "labels" if gain > 0 else "common")


def best_threshold(probs: np.ndarray, truth: np.ndarray) -> float:
    """The cut of n scores that maximises F1, halfway between two scores; the higher cut at a tie."""
    order = np.argsort(-probs, kind="stable")
    score, hit = probs[order].astype(np.float64), truth[order]
    f1 = 2 * np.cumsum(hit) / (np.arange(1, len(hit) + 1) + hit.sum())
    below = np.append(score[1:], 0.0)
    f1[score == below] = -1  # no cut separates equal scores
    best = int(np.argmax(f1))
    return round(float((score[best] + below[best]) / 2), _DIGITS)


def micro_f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Micro-F1 of two (n,K) bool arrays; 0 where neither holds anything."""
    return float(2 * (predicted & truth).sum() / max(int(predicted.sum() + truth.sum()), 1))
