import time

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.metrics import statistics
from mgm.evaluation.significance import intervals
from mgm.tasks import Task

CLASSES = Task(name="t", kind="classification", corpora=["c"])
NUMBER = Task(name="t", kind="regression", corpora=["c"])


def classified(right: np.ndarray) -> pl.DataFrame:
    true = np.where(np.arange(len(right)) % 2, "a", "b")
    other = np.where(np.arange(len(right)) % 2, "b", "a")
    return pl.DataFrame({"t_true": true, "t": np.where(right, true, other)})


def test_interval_agrees_with_a_resampling_written_out() -> None:
    generator = np.random.default_rng(3)
    rows = classified(generator.random(60) < 0.7)
    group = pl.Series([f"g{i}" for i in generator.integers(0, 25, 60)])
    low, high = intervals(statistics(rows, CLASSES, ["a", "b"]), group, 2000, 1)["accuracy"]
    right = (rows["t"] == rows["t_true"]).to_numpy()
    members = [np.flatnonzero((group == g).to_numpy()) for g in group.unique().sort()]
    drawn = []
    for _ in range(2000):
        chosen = np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])
        drawn.append(right[chosen].mean())
    assert [low, high] == pytest.approx(list(np.quantile(drawn, [0.025, 0.975])), abs=0.02)


@pytest.mark.parametrize("shared", [1, 5])
def test_intervals_cover_the_truth_about_as_often_as_they_say(shared: int) -> None:
    """Groups of `shared` documents that are all right or all wrong: the effective sample is the number of
    groups."""
    generator = np.random.default_rng(11)
    groups, truth, trials, covered = 80, 0.7, 200, 0
    names = pl.Series(np.repeat(np.arange(groups), shared)).cast(pl.String)
    for trial in range(trials):
        right = np.repeat(generator.random(groups) < truth, shared)
        low, high = intervals(statistics(classified(right), CLASSES, ["a", "b"]), names, 200, trial)[
            "accuracy"
        ]
        covered += low <= truth <= high
    assert 0.89 <= covered / trials <= 0.99


def test_pearson_interval_covers_the_true_correlation() -> None:
    generator = np.random.default_rng(5)
    rho, trials, covered = 0.6, 200, 0
    names = pl.Series([str(i) for i in range(100)])
    for trial in range(trials):
        x, y = generator.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 100).T
        frame = pl.DataFrame({"t": x, "t_true": y})
        low, high = intervals(statistics(frame, NUMBER, []), names, 200, trial)["pearson"]
        covered += low <= rho <= high
    assert 0.88 <= covered / trials <= 0.99


def test_same_seed_same_interval_and_other_seed_another() -> None:
    rows = classified(np.random.default_rng(0).random(50) < 0.6)
    names = pl.Series([str(i) for i in range(50)])
    found = statistics(rows, CLASSES, ["a", "b"])
    assert intervals(found, names, 100, 1, "t") == intervals(found, names, 100, 1, "t")
    assert intervals(found, names, 100, 1, "t") != intervals(found, names, 100, 2, "t")


def test_one_group_or_no_resamples_gives_no_interval() -> None:
    found = statistics(classified(np.ones(4, bool)), CLASSES, ["a", "b"])
    assert intervals(found, pl.Series(["g"] * 4), 100, 1) == {}
    assert intervals(found, pl.Series(["a", "b", "c", "d"]), 0, 1) == {}


def test_a_thousand_resamples_of_ten_thousand_documents_take_seconds() -> None:
    generator = np.random.default_rng(0)
    names = np.array([f"k{i}" for i in range(60)])
    rows = pl.DataFrame({"t_true": generator.choice(names, 10_000), "t": generator.choice(names, 10_000)})
    group = pl.Series(generator.integers(0, 8_000, 10_000)).cast(pl.String)
    found = statistics(rows, CLASSES, sorted(names))
    start = time.perf_counter()
    assert len(intervals(found, group, 1000, 1)) == 4
    assert time.perf_counter() - start < 10  # about 1 s alone; the machine may be busy
