"""Calibration: the distance of confidences from accuracies, before and after temperature scaling.

Predictions are measured as the network gives them, and with the temperatures of the bundle. Of a kind without such ones one is fitted
on validation, and only reported.

Source: Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv:1706.04599.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from mgm.evaluation.bootstrap import GroupBootstrap, interval_entry
from mgm.evaluation.confidence import ClassPredictions, Temperature
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.sufficient_statistics import Statistics, Sums, ratio, rounded, sparse_counts
from mgm.model.calibration import Calibration, fit_temperature
from mgm.tasks import Task


def reliability(confidence: np.ndarray, is_correct: np.ndarray, *, bins: int) -> list[dict[str, Any]]:
    """Return the bins of equal width over [0, 1] that hold a prediction: from, to, n, confidence (the mean), accuracy."""
    bin_of, edge = _bin_numbers(confidence, bins), np.linspace(0, 1, bins + 1)
    n = np.bincount(bin_of, minlength=bins)
    mean = ratio(np.bincount(bin_of, confidence, bins), n.astype(float))
    accuracy = ratio(np.bincount(bin_of, is_correct, bins), n.astype(float))
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


def expected_calibration_error(confidence: np.ndarray, is_correct: np.ndarray, *, bins: int) -> float:
    """Return the mean over predictions of |accuracy - mean confidence| of their bin; nan without predictions."""
    gap = np.bincount(_bin_numbers(confidence, bins), confidence - is_correct, bins)
    return float(np.abs(gap).sum() / len(confidence)) if len(confidence) else float("nan")


def chance_calibration_error(confidence: np.ndarray, *, bins: int) -> float:
    """Return about the calibration error that a perfectly calibrated model with these confidences shows by chance.

    With independent predictions a bin's gap is nearly normal with variance sum p (1 - p), whose mean absolute value is
    sqrt(2 / pi) deviations.
    """
    variance = np.bincount(_bin_numbers(confidence, bins), confidence * (1 - confidence), bins)
    total = max(len(confidence), 1)
    return float(np.sqrt(2 / np.pi * variance).sum() / total) if len(confidence) else float("nan")


def calibration(
    test: pl.DataFrame,
    valid: pl.DataFrame,
    *,
    task: Task,
    bins: int,
    bootstrap: GroupBootstrap,
    fitted: Calibration | None = None,
) -> dict[str, Any] | None:
    """Return a task's calibration on the test split.

    Args:
        test: labelled predictions.
        valid: labelled predictions of validation.
        task: the task, with its label space.
        fitted: what the bundle has of the scores; None: a temperature is fitted on `valid`, and without any there is none.
        bins: the number of bins of equal width over [0, 1].
        bootstrap: the resamples of the groups of `test`.

    Returns:
        temperature; temperatures: by label, null where they have no own ones; applied: whether scoring can apply them; fitted_on
        (predictions of validation); n; before and after the temperature: ece, nll (without labels that training never saw),
        chance_ece, bins; change: of ece and nll, with intervals. None where the task gives no probabilities or nothing is labelled.
    """
    evaluation = evaluation_of(task)
    tested = evaluation.class_predictions(test, task)
    tuned = evaluation.class_predictions(valid, task)
    if tested is None or not len(tested.row):
        return None
    common: float | None = None
    by_label: list[float] | None = None
    temperature: Temperature | None = None
    if fitted is None:
        common = None if tuned is None else fit_temperature(tuned.logits, tuned.target)
        temperature = common
    elif fitted.temperatures is not None:
        common, by_label = fitted.temperatures.common, fitted.temperatures.labels
        temperature = fitted.temperatures.broadcast(len(tested.row))
    content: dict[str, Any] = {
        "temperature": common,
        "temperatures": None if by_label is None else dict(zip(task.labels, by_label, strict=True)),
        "applied": fitted is not None,
        "fitted_on": 0 if tuned is None else len(tuned.row),
        "n": len(tested.row),
        "before": _measure(tested, 1.0, bins=bins),
        "after": None,
        "change": None,
    }
    if temperature is not None:
        content["after"] = _measure(tested, temperature, bins=bins)
        content["change"] = _change(tested, temperature, bins=bins, rows=test, bootstrap=bootstrap)
    return content


def headline(content: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the values of a calibration in reports/metrics.json: ece, ece_scaled (with the temperature), temperature."""
    after = content["after"]
    return {
        "ece": content["before"]["ece"],
        "ece_scaled": None if after is None else after["ece"],
        "temperature": content["temperature"],
    }


def reliability_curve(content: Mapping[str, Any]) -> pl.DataFrame:
    """Return the bins of a calibration as rows for a plot: when (before, after), n, confidence, accuracy."""
    measured = [(when, content[when]) for when in ("before", "after") if content[when] is not None]
    rows = [{"when": when, **bin_} for when, state in measured for bin_ in state["bins"]]
    return pl.DataFrame(rows).select("when", "n", "confidence", "accuracy")


def _measure(predictions: ClassPredictions, temperature: Temperature, *, bins: int) -> dict[str, Any]:
    confidence = predictions.confidence(temperature)
    loss = predictions.negative_log_likelihood(temperature)
    known = loss[~np.isnan(loss)]
    return {
        "ece": rounded(expected_calibration_error(confidence, predictions.is_correct, bins=bins)),
        "chance_ece": rounded(chance_calibration_error(confidence, bins=bins)),
        "nll": rounded(float(known.mean())) if len(known) else None,
        "bins": reliability(confidence, predictions.is_correct, bins=bins),
    }


def _change(
    predictions: ClassPredictions,
    temperature: Temperature,
    *,
    bins: int,
    rows: pl.DataFrame,
    bootstrap: GroupBootstrap,
) -> dict[str, dict[str, float | None]]:
    """Return ece and nll after less before, with intervals; both are resampled together."""
    statistics = _change_statistics(predictions, temperature, bins=bins, num_documents=rows.height)
    value = statistics.score()
    resampled = bootstrap.metrics(statistics, rows.select("corpus", "group"))
    return {
        name: {"value": rounded(value[name])} | interval_entry(resampled[name]) for name in ("ece", "nll")
    }


def _change_statistics(
    predictions: ClassPredictions, temperature: Temperature, *, bins: int, num_documents: int
) -> Statistics:
    """Return the statistics of the changes of ece and nll.

    The columns are predictions, those with a known class, the losses before and after, then of each bin the sum of confidence
    less accuracy before, and after.
    """
    known, size = predictions.target >= 0, len(predictions.row)
    values = [np.ones(size), known.astype(float)]
    for heat in (1.0, temperature):
        values.append(np.where(known, np.nan_to_num(predictions.negative_log_likelihood(heat)), 0.0))
    columns = [np.full(size, column) for column in range(4)]
    for first, heat in ((4, 1.0), (4 + bins, temperature)):
        confidence = predictions.confidence(heat)
        columns.append(first + _bin_numbers(confidence, bins))
        values.append(confidence - predictions.is_correct)
    documents = sparse_counts(
        np.tile(predictions.row, len(values)),
        np.concatenate(columns),
        shape=(num_documents, 4 + 2 * bins),
        value=np.concatenate(values),
    )
    return Statistics(
        documents=documents,
        metrics=lambda s: {
            "ece": _calibration_error(s, 4 + bins, bins=bins) - _calibration_error(s, 4, bins=bins),
            "nll": ratio(s[:, 3], s[:, 1]) - ratio(s[:, 2], s[:, 1]),
        },
    )


def _calibration_error(sums: Sums, first: int, *, bins: int) -> np.ndarray:
    return ratio(np.abs(sums[:, first : first + bins]).sum(1), sums[:, 0])


def _bin_numbers(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Return the number of each confidence's bin; the last bin holds 1."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)
