"""Calibration: is a model that says 80% right in 80% of the cases? Temperature scaling (Guo et al. 2017), reliability, and
the expected calibration error before and after.

The temperature is reported and not applied: the bundle's scores are as the network gives them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar

from mgm.evaluation.bootstrap import Draws, bounds
from mgm.evaluation.confidences import Answers, answers
from mgm.evaluation.numbers import rounded
from mgm.evaluation.sufficient_statistics import Statistics, Sums, counts, ratio
from mgm.tasks import Task

TEMPERATURES = (0.05, 20.0)


def fit_temperature(valid: Answers) -> float | None:
    """The temperature that makes what is true of validation most likely; None where nothing there is known."""
    known = valid.target >= 0
    if not known.any():
        return None
    fitted = Answers(valid.row[known], valid.logits[known], valid.target[known], valid.said[known])
    found = minimize_scalar(
        lambda log: float(fitted.surprise(np.exp(log)).mean()),
        bounds=tuple(np.log(TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int) -> list[dict[str, Any]]:
    """Bins of equal width over [0, 1] that hold an answer: from, to, n, confidence (the mean), accuracy."""
    place, edge = _bins(confidence, bins), np.linspace(0, 1, bins + 1)
    n = np.bincount(place, minlength=bins)
    mean = ratio(np.bincount(place, confidence, bins), n.astype(float))
    accuracy = ratio(np.bincount(place, right, bins), n.astype(float))
    return [
        {
            "from": rounded(edge[b]),
            "to": rounded(edge[b + 1]),
            "n": int(n[b]),
            "confidence": rounded(mean[b]),
            "accuracy": rounded(accuracy[b]),
        }
        for b in np.flatnonzero(n)
    ]


def expected_error(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    """ECE: the mean over answers of |accuracy - mean confidence| of their bin; nan without answers."""
    gap = np.bincount(_bins(confidence, bins), confidence - right, bins)
    return float(np.abs(gap).sum() / len(confidence)) if len(confidence) else float("nan")


def chance_error(confidence: np.ndarray, bins: int) -> float:
    """About the ECE that a perfectly calibrated model with these confidences shows by chance, its answers independent.

    A bin's gap is then nearly normal with variance sum p (1 - p), whose mean absolute value is sqrt(2 / pi) deviations.
    """
    variance = np.bincount(_bins(confidence, bins), confidence * (1 - confidence), bins)
    total = max(len(confidence), 1)
    return float(np.sqrt(2 / np.pi * variance).sum() / total) if len(confidence) else float("nan")


def calibration(
    test: pl.DataFrame,
    valid: pl.DataFrame,
    task: Task,
    labels: Sequence[str],
    bins: int,
    draws: Draws,
) -> dict[str, Any] | None:
    """temperature, fitted_on (answers of validation), n, and before and after it: ece, nll, chance_ece, bins; change: of ece and
    nll, with intervals. None where the task gives no probabilities or nothing is labelled.

    test, valid: labelled rows. nll leaves out what training never saw. Without a labelled validation document there is no
    temperature, and nothing after.
    """
    found, fitted = answers(test, task, labels), answers(valid, task, labels)
    if found is None or not len(found.row):
        return None
    temperature = None if fitted is None else fit_temperature(fitted)
    content: dict[str, Any] = {
        "temperature": None if temperature is None else rounded(temperature),
        "fitted_on": 0 if fitted is None else len(fitted.row),
        "n": len(found.row),
        "before": _state(found, 1.0, bins),
        "after": None,
        "change": None,
    }
    if temperature is not None:
        content["after"] = _state(found, temperature, bins)
        content["change"] = _change(found, temperature, bins, test, draws)
    return content


def headline(content: Mapping[str, Any]) -> dict[str, float | None]:
    """What reports/metrics.json says of a task's calibration: ece, ece_scaled (with the temperature), temperature."""
    after = content["after"]
    return {
        "ece": content["before"]["ece"],
        "ece_scaled": None if after is None else after["ece"],
        "temperature": content["temperature"],
    }


def reliability_curve(content: Mapping[str, Any]) -> pl.DataFrame:
    """The bins before and after as rows, for `dvc plots`: when, n, confidence, accuracy."""
    states = [(when, content[when]) for when in ("before", "after") if content[when] is not None]
    rows = [{"when": when, **found} for when, state in states for found in state["bins"]]
    return pl.DataFrame(rows).select("when", "n", "confidence", "accuracy")


def _state(found: Answers, temperature: float, bins: int) -> dict[str, Any]:
    confidence, surprise = found.confidence(temperature), found.surprise(temperature)
    known = surprise[~np.isnan(surprise)]
    return {
        "ece": rounded(expected_error(confidence, found.right, bins)),
        "chance_ece": rounded(chance_error(confidence, bins)),
        "nll": rounded(float(known.mean())) if len(known) else None,
        "bins": reliability(confidence, found.right, bins),
    }


def _change(
    found: Answers, temperature: float, bins: int, rows: pl.DataFrame, draws: Draws
) -> dict[str, dict[str, float | None]]:
    """After less before of ece and nll, with intervals: whole groups of documents are drawn, both at once."""
    known, size = found.target >= 0, len(found.row)
    blocks = [np.ones(size), known.astype(float)]
    for heat in (1.0, temperature):
        blocks.append(np.where(known, np.nan_to_num(found.surprise(heat)), 0.0))
    places = [np.full(size, place) for place in range(4)]
    for first, heat in ((4, 1.0), (4 + bins, temperature)):
        confidence = found.confidence(heat)
        places.append(first + _bins(confidence, bins))
        blocks.append(confidence - found.right)
    documents = counts(
        np.tile(found.row, len(blocks)),
        np.concatenate(places),
        (rows.height, 4 + 2 * bins),
        np.concatenate(blocks),
    )
    statistics = Statistics(
        documents,
        lambda s: {
            "ece": _ece(s, 4 + bins, bins) - _ece(s, 4, bins),
            "nll": ratio(s[:, 3], s[:, 1]) - ratio(s[:, 2], s[:, 1]),
        },
    )
    value, drawn = statistics.score(), draws.metrics(statistics, rows.select("corpus", "group"))
    content = {}
    for name in ("ece", "nll"):
        low, high = bounds(drawn[name])
        content[name] = {"value": rounded(value[name]), "low": rounded(low), "high": rounded(high)}
    return content


def _ece(sums: Sums, first: int, bins: int) -> np.ndarray:
    return ratio(np.abs(sums[:, first : first + bins]).sum(1), sums[:, 0])


def _bins(confidence: np.ndarray, bins: int) -> np.ndarray:
    """The number of each confidence's bin; the last one holds 1."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)
