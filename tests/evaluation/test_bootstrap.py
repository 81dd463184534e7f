from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from mgm.evaluation.bootstrap import confidence_intervals
from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.sufficient_statistics import Statistics
from mgm.tasks import Task

CLASSES = Task(name="t", kind="classification", corpora=["c"], labels=("a", "b"))
NUMBER = Task(name="t", kind="regression", corpora=["c"])


def classified(right: np.ndarray) -> pl.DataFrame:
    true = np.where(np.arange(len(right)) % 2, "a", "b")
    other = np.where(np.arange(len(right)) % 2, "b", "a")
    return pl.DataFrame({"label:t": true, "prediction:t": np.where(right, true, other)})


def test_interval_agrees_with_a_resampling_written_out() -> None:
    generator = np.random.default_rng(3)
    rows = classified(generator.random(60) < 0.7)
    group = pl.Series([f"g{i}" for i in generator.integers(0, 25, 60)])
    low, high = confidence_intervals(
        evaluation_of(CLASSES).statistics(rows, CLASSES), group, resamples=2000, seed=1
    )["accuracy"]
    right = (rows["prediction:t"] == rows["label:t"]).to_numpy()
    members = [np.flatnonzero((group == g).to_numpy()) for g in group.unique().sort()]
    drawn = []
    for _ in range(2000):
        chosen = np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])
        drawn.append(right[chosen].mean())
    assert [low, high] == pytest.approx(list(np.quantile(drawn, [0.025, 0.975])), abs=0.02)


@pytest.mark.parametrize("shared", [1, 5], ids=["one a group", "five a group"])
def test_intervals_cover_the_truth_in_95_of_100_cases(shared: int) -> None:
    """Groups of `shared` documents that are all right or all wrong: the effective sample is the number of
    groups."""
    generator = np.random.default_rng(11)
    groups, truth, trials, covered = 80, 0.7, 120, 0
    names = pl.Series(np.repeat(np.arange(groups), shared)).cast(pl.String)
    for trial in range(trials):
        right = np.repeat(generator.random(groups) < truth, shared)
        found = evaluation_of(CLASSES).statistics(classified(right), CLASSES)
        low, high = confidence_intervals(found, names, resamples=200, seed=trial)["accuracy"]
        covered += low <= truth <= high
    assert 0.89 <= covered / trials <= 0.99


def test_pearson_interval_covers_the_true_correlation() -> None:
    generator = np.random.default_rng(5)
    rho, trials, covered = 0.6, 120, 0
    names = pl.Series([str(i) for i in range(100)])
    for trial in range(trials):
        x, y = generator.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 100).T
        frame = pl.DataFrame({"prediction:t": x, "label:t": y})
        low, high = confidence_intervals(
            evaluation_of(NUMBER).statistics(frame, NUMBER), names, resamples=200, seed=trial
        )["pearson"]
        covered += low <= rho <= high
    assert 0.88 <= covered / trials <= 0.99


def coverage_of(kind: str, metric: str, made: Callable[[np.random.Generator, int], pl.DataFrame]) -> float:
    """How often the interval of 120 groups of two holds the metric of a sample fifty times as large."""
    generator = np.random.default_rng(17)
    task = Task(name="t", kind=kind, corpora=["c"], labels=tuple(SPACE))

    def measured(rows: pl.DataFrame) -> Statistics:
        ranked = evaluation_of(task).ranking_statistics(rows, task) if "precision" in metric else None
        return ranked or evaluation_of(task).statistics(rows, task)

    truth, trials, covered = measured(made(generator, 12_000)).score()[metric], 100, 0
    names = pl.Series(np.repeat(np.arange(120), 2)).cast(pl.String)
    for trial in range(trials):
        low, high = confidence_intervals(measured(made(generator, 240)), names, resamples=200, seed=trial)[
            metric
        ]
        covered += low <= truth <= high
    return covered / trials


SPACE = ["a", "b", "c"]


def classes(generator: np.random.Generator, n: int) -> pl.DataFrame:
    true = generator.choice(SPACE, n, p=[0.5, 0.3, 0.2])
    predicted = np.where(generator.random(n) < 0.7, true, generator.choice(SPACE, n))
    return pl.DataFrame({"label:t": true, "prediction:t": predicted})


def label_sets(generator: np.random.Generator, n: int) -> pl.DataFrame:
    true = generator.random((n, 3)) < [0.5, 0.3, 0.15]
    probs = np.clip(0.35 * true + generator.uniform(0, 0.65, (n, 3)), 0, 1).round(2)
    names = np.array(SPACE)
    return pl.DataFrame(
        {
            "label:t": [names[row].tolist() for row in true],
            "prediction:t": [names[row].tolist() for row in probs > 0.45],
            "probs:t": probs.tolist(),
        },
        schema_overrides={"label:t": pl.List(pl.String), "prediction:t": pl.List(pl.String)},
    )


def span_lists(generator: np.random.Generator, n: int) -> pl.DataFrame:
    count = generator.integers(0, 4, n).tolist()
    shifted = generator.random((n, 3)) < 0.3
    true = [[{"start": 5 * i, "end": 5 * i + 3, "label": "a"} for i in range(k)] for k in count]
    predicted = [
        [span | {"end": span["end"] + int(shifted[row, i])} for i, span in enumerate(spans)]
        for row, spans in enumerate(true)
    ]
    dtype = pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String}))
    return pl.DataFrame(
        {"label:t": pl.Series(true, dtype=dtype), "prediction:t": pl.Series(predicted, dtype=dtype)}
    )


@pytest.mark.parametrize(
    ("kind", "metric", "made"),
    [
        ("classification", "macro_f1", classes),
        ("multilabel", "micro_f1", label_sets),
        ("multilabel", "macro_average_precision", label_sets),
        ("tagging", "span_f1", span_lists),
    ],
    ids=["classes", "label sets", "average precision", "spans"],
)
def test_intervals_of_every_first_metric_cover_the_truth(
    kind: str, metric: str, made: Callable[[np.random.Generator, int], pl.DataFrame]
) -> None:
    assert 0.89 <= coverage_of(kind, metric, made) <= 0.99


def test_same_seed_same_interval_and_other_seed_another() -> None:
    rows = classified(np.random.default_rng(0).random(50) < 0.6)
    names = pl.Series([str(i) for i in range(50)])
    found = evaluation_of(CLASSES).statistics(rows, CLASSES)
    first, again, other = (
        confidence_intervals(found, names, resamples=100, seed=seed, stream="t") for seed in (1, 1, 2)
    )
    assert first == again != other


def test_one_group_or_no_resamples_gives_no_interval() -> None:
    found = evaluation_of(CLASSES).statistics(classified(np.ones(4, bool)), CLASSES)
    assert confidence_intervals(found, pl.Series(["g"] * 4), resamples=100, seed=1) == {}
    assert confidence_intervals(found, pl.Series(["a", "b", "c", "d"]), resamples=0, seed=1) == {}
