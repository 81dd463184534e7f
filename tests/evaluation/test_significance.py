from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.bootstrap import intervals
from mgm.evaluation.metrics import ranking_statistics, statistics
from mgm.evaluation.sufficient_statistics import Statistics
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


def coverage_of(kind: str, metric: str, made: Callable[[np.random.Generator, int], pl.DataFrame]) -> float:
    """How often the interval of 120 groups of two holds the metric of a sample a hundred times as large."""
    generator = np.random.default_rng(17)
    task = Task(name="t", kind=kind, corpora=["c"])  # type: ignore[arg-type]

    def measured(rows: pl.DataFrame) -> Statistics:
        ranked = ranking_statistics(rows, task, SPACE) if "precision" in metric else None
        return ranked or statistics(rows, task, SPACE)

    truth, trials, covered = measured(made(generator, 24_000)).score()[metric], 150, 0
    names = pl.Series(np.repeat(np.arange(120), 2)).cast(pl.String)
    for trial in range(trials):
        low, high = intervals(measured(made(generator, 240)), names, 200, trial)[metric]
        covered += low <= truth <= high
    return covered / trials


SPACE = ["a", "b", "c"]


def classes(generator: np.random.Generator, n: int) -> pl.DataFrame:
    true = generator.choice(SPACE, n, p=[0.5, 0.3, 0.2])
    said = np.where(generator.random(n) < 0.7, true, generator.choice(SPACE, n))
    return pl.DataFrame({"t_true": true, "t": said})


def label_sets(generator: np.random.Generator, n: int) -> pl.DataFrame:
    true = generator.random((n, 3)) < [0.5, 0.3, 0.15]
    probs = np.clip(0.35 * true + generator.uniform(0, 0.65, (n, 3)), 0, 1).round(2)
    names = np.array(SPACE)
    return pl.DataFrame(
        {
            "t_true": [names[row].tolist() for row in true],
            "t": [names[row].tolist() for row in probs > 0.45],
            "t_probs": probs.tolist(),
        },
        schema_overrides={"t_true": pl.List(pl.String), "t": pl.List(pl.String)},
    )


def span_lists(generator: np.random.Generator, n: int) -> pl.DataFrame:
    count = generator.integers(0, 4, n).tolist()
    shifted = generator.random((n, 3)) < 0.3
    true = [[{"start": 5 * i, "end": 5 * i + 3, "label": "a"} for i in range(k)] for k in count]
    said = [
        [span | {"end": span["end"] + int(shifted[row, i])} for i, span in enumerate(spans)]
        for row, spans in enumerate(true)
    ]
    dtype = pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String}))
    return pl.DataFrame({"t_true": pl.Series(true, dtype=dtype), "t": pl.Series(said, dtype=dtype)})


@pytest.mark.parametrize(
    ("kind", "metric", "made"),
    [
        ("classification", "macro_f1", classes),
        ("multilabel", "micro_f1", label_sets),
        ("multilabel", "macro_average_precision", label_sets),
        ("tagging", "span_f1", span_lists),
    ],
)
def test_intervals_of_every_first_metric_cover_the_truth(
    kind: str, metric: str, made: Callable[[np.random.Generator, int], pl.DataFrame]
) -> None:
    assert 0.89 <= coverage_of(kind, metric, made) <= 0.99


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
