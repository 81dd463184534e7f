"""The benchmark of chosen labels: what is drawn and flipped, and when choosing is shown to help."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.benchmarks.loading import load_benchmark

FILE = Path(__file__).parents[2] / "benchmarks" / "active_learning.py"


@pytest.fixture(scope="module")
def active_learning() -> Any:
    return load_benchmark(FILE)


def test_a_share_of_the_labels_gets_another_class(active_learning: Any) -> None:
    labels = pl.Series(["app", "lib"] * 50)
    flipped = active_learning.flip(labels, ["app", "lib", "doc"], 0.05, seed=1)
    assert (flipped != labels).sum() == 5 and set(flipped) <= {"app", "lib", "doc"}
    assert flipped.equals(active_learning.flip(labels, ["app", "lib", "doc"], 0.05, seed=1))


@pytest.mark.parametrize(("arm", "sign"), [("review", 1), ("random", 0)], ids=["better", "the same"])
def test_a_gain_is_an_interval_off_zero(active_learning: Any, arm: str, sign: int) -> None:
    active_learning.RESAMPLES = 20
    true = ["app", "lib"] * 20
    results = [{"true": true, "review": {"predicted": true}, "random": {"predicted": ["app"] * 40}}] * 2
    gain = active_learning.gains(results, arm)["accuracy"]
    assert gain["mean"] == pytest.approx(sign * 0.5)
    assert (gain["low"] > 0) == bool(sign) and gain["low"] <= gain["mean"] <= gain["high"]


def test_the_order_depends_on_seed_and_purpose(active_learning: Any) -> None:
    ids = [f"d{n}" for n in range(20)]
    orders = {tuple(active_learning.order(ids, *key)) for key in ((1, "train"), (2, "train"), (1, "valid"))}
    assert len(orders) == 3 and all(sorted(order) == sorted(ids) for order in orders)
