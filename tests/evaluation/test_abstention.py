"""What is left of predictions where a precision is asked for."""

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.abstention import abstention
from mgm.evaluation.bootstrap import GroupBootstrap
from mgm.model.calibration import Calibration, PrecisionPoint
from tests.evaluation.frames import frame, task

SCORE = np.random.default_rng(0).uniform(0.3, 1, 400).round(4)
IS_RIGHT = np.random.default_rng(1).random(400) < SCORE
ROWS = frame(
    "classification",
    ["a"] * 400,
    ["a" if right else "b" for right in IS_RIGHT],
    t_score=pl.Series(SCORE, dtype=pl.Float32),
)
BOOTSTRAP = GroupBootstrap({"c": ROWS["group"]}, resamples=100, seed=1)


def test_coverage_and_precision_agree_with_a_count() -> None:
    least = float(np.sort(SCORE)[200])
    fitted = Calibration(
        temperatures=None,
        predictions=50,
        points=(PrecisionPoint(0.3, 50, 40), PrecisionPoint(least, 20, 19)),
    )
    found = abstention(
        ROWS, task("classification"), precisions=[0.7, 0.9, 0.99], fitted=fitted, bootstrap=BOOTSTRAP
    )
    assert found is not None
    every, some, none = found
    assert (every["n"], every["coverage"], every["valid_coverage"]) == (400, 1.0, 1.0)
    assert (some["n"], some["coverage"]) == (200, 0.5), "the score itself is kept"
    assert (some["score"], some["valid_precision"], some["valid_coverage"]) == (least, 0.95, 0.4)
    assert some["test_precision"] == pytest.approx(IS_RIGHT[least <= SCORE].mean(), abs=1e-4)
    assert some["low"] < some["test_precision"] < some["high"]
    assert none == {"precision": 0.99, "score": None}


def test_without_calibration_there_is_nothing_to_choose_by() -> None:
    kind = task("classification")
    assert abstention(ROWS, kind, precisions=[0.9], fitted=None, bootstrap=BOOTSTRAP) is None
