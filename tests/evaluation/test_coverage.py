from typing import Any

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.bootstrap import GroupBootstrap
from mgm.evaluation.coverage import coverage
from tests.evaluation.frames import frame, span, task


def covered(rows: pl.DataFrame, kind: str, *thresholds: float) -> dict[str, Any] | None:
    bootstrap = GroupBootstrap({"c": rows["group"]}, resamples=200, seed=1)
    return coverage(rows, task(kind), thresholds=thresholds, bootstrap=bootstrap)


def test_coverage_and_accuracy_agree_with_a_count() -> None:
    generator = np.random.default_rng(0)
    score = generator.uniform(0.3, 1, 400).round(2)
    right = generator.random(400) < score
    rows = frame(
        "classification",
        ["a"] * 400,
        ["a" if r else "b" for r in right],
        t_score=pl.Series(score, dtype=pl.Float64),
    )
    found = covered(rows, "classification", 0.5, 0.9)
    assert found is not None
    assert [entry["threshold"] for entry in found["thresholds"]] == [0.0, 0.5, 0.9]
    for entry in found["thresholds"]:
        kept = score >= entry["threshold"]
        assert entry["n"] == kept.sum()
        assert entry["coverage"] == pytest.approx(kept.mean(), abs=1e-4)
        assert entry["accuracy"] == pytest.approx(right[kept].mean(), abs=1e-4)
        assert entry["low"] < entry["accuracy"] < entry["high"]
    for share, accuracy in found["curve"]:
        cut = np.sort(score)[::-1][round(share * 400) - 1]
        assert share == pytest.approx((score >= cut).mean(), abs=1e-4)
        assert accuracy == pytest.approx(right[score >= cut].mean(), abs=1e-4)
    assert found["curve"][-1][0] == 1
    assert len(found["curve"]) > 20


def test_predictions_of_sets_and_spans_are_labels_and_spans() -> None:
    rows = frame(
        "multilabel",
        [["a", "b"], ["b"]],
        [["a", "c"], ["b"]],
        t_score=pl.Series([[0.9, 0.4], [0.6]], dtype=pl.List(pl.Float32)),
    )
    found = covered(rows, "multilabel", 0.5)
    assert found is not None
    assert [(e["n"], e["accuracy"]) for e in found["thresholds"]] == [(3, round(2 / 3, 4)), (2, 1.0)]
    rows = frame("tagging", [[span(0, 2, "A")], []], [[span(0, 2, "A", 0.9)], [span(1, 2, "A", 0.4)]])
    found = covered(rows, "tagging", 0.5)
    assert found is not None
    assert [(e["n"], e["accuracy"]) for e in found["thresholds"]] == [(2, 0.5), (1, 1.0)]


def test_numbers_and_no_prediction_have_no_coverage() -> None:
    rows = frame("regression", [1.0], [2.0])
    assert covered(rows, "regression", 0.5) is None
    rows = frame("tagging", [[span(0, 2, "A")]], [[]])
    assert covered(rows, "tagging", 0.5) is None
