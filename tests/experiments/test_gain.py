"""Gains over the paired bootstrap: of one task, of the mean of tasks, and over trainings."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mgm.evaluation.paired_bootstrap import Estimate, PairedBootstrap
from mgm.experiments.gain import average_over_seeds, mean_estimate, relative_gain
from mgm.tasks import Task
from tests.evaluation.paired import LABELS, MULTI, SINGLE, TASK, TRUE, noisy, paired, table, width


def gain(rows: pl.DataFrame, other: pl.DataFrame) -> dict[str, Any]:
    scores = paired(rows)
    return relative_gain(
        scores.reference(TASK), scores.other(other, TASK, where="data/study/single/t")
    ).entry("gain")


def macro_f1(labels: list[str], rows: list[int]) -> float:
    """The mean over the labels that occur there."""
    true, predicted = [TRUE[i] for i in rows], [labels[i] for i in rows]
    return float(f1_score(true, predicted, average="macro"))


def test_a_tiny_table_by_hand() -> None:
    """Three groups of two documents: every resample is one of the ten multisets of three groups."""
    found = gain(table(MULTI), table(SINGLE))
    m, s = macro_f1(MULTI, list(range(6))), macro_f1(SINGLE, list(range(6)))
    assert m == pytest.approx((1 + 2 / 3 + 4 / 5) / 3)
    assert s == pytest.approx(1 / 2)
    assert found["gain"] == pytest.approx((m - s) / s, abs=1e-4)

    scores = paired(table(MULTI))
    drawn = scores.reference(TASK).minus(scores.other(table(SINGLE), TASK, where="x")).resampled
    possible = set()
    for a in range(3):
        for b in range(a, 3):
            for c in range(b, 3):
                rows = [i for g in (a, b, c) for i in (2 * g, 2 * g + 1)]
                possible.add(round(macro_f1(MULTI, rows) - macro_f1(SINGLE, rows), 9))
    assert {round(float(x), 9) for x in drawn} == possible


def test_a_model_against_itself_gains_nothing() -> None:
    assert gain(table(MULTI), table(MULTI)) == {
        "gain": 0.0,
        "low": 0.0,
        "high": 0.0,
        "shown": "no difference shown",
    }


@given(st.permutations(range(6)), st.permutations(range(6)))
@budget(max_examples=15)
def test_the_order_of_rows_does_not_matter(first: list[int], second: list[int]) -> None:
    assert gain(table(MULTI)[first], table(SINGLE)[second]) == gain(table(MULTI), table(SINGLE))


def test_over_a_model_at_zero_no_gain_is_defined() -> None:
    found = gain(table(MULTI), table(["rain", "rain", "cat", "cat", "猫", "猫"]))
    assert found == {"gain": None, "low": None, "high": None, "shown": "no interval"}


def test_tasks_of_a_corpus_share_their_resamples() -> None:
    """The mean over two equal tasks is as uncertain as one of them; over two corpora it is by 1/sqrt(2) less so."""
    a, b = (Task(name=name, kind="classification", corpora=["c"], labels=tuple(LABELS)) for name in "ab")
    other = Task(name="o", kind="classification", corpora=["other"], labels=tuple(LABELS))
    multi, single = noisy("c", "a", 1)
    again = {
        name: frame.rename({"prediction:a": "prediction:b", "label:a": "label:b"})
        for name, frame in (("m", multi), ("s", single))
    }
    far = {
        name: frame.rename({"prediction:a": "prediction:o", "label:a": "label:o"}).with_columns(
            corpus=pl.lit("other")
        )
        for name, frame in (("m", multi), ("s", single))
    }
    tables = {"a": multi, "b": again["m"], "o": far["m"]}
    scores = PairedBootstrap(tables, resamples=2000, seed=1)
    gains = {
        task.name: relative_gain(scores.reference(task), scores.other(rows, task, where="x"))
        for task, rows in ((a, single), (b, again["s"]), (other, far["s"]))
    }
    assert gains["a"].value == gains["o"].value
    assert np.array_equal(gains["a"].resampled, gains["b"].resampled)
    assert width(mean_estimate([gains["a"], gains["b"]])) == pytest.approx(width(gains["a"]), abs=1e-4)
    assert width(mean_estimate([gains["a"], gains["o"]])) == pytest.approx(
        width(gains["a"]) / math.sqrt(2), rel=0.15
    )
    assert mean_estimate([gains["a"], gains["o"]]).value == pytest.approx(gains["a"].value)


def test_paired_intervals_cover_the_truth_in_95_of_100() -> None:
    """Two models that are right on 3 of 4 and on 13 of 20 documents, mostly the same ones, in groups of two that are
    right or wrong together. Both classes are as frequent and as hard, so that macro-F1's truth is the accuracy's."""
    generator = np.random.default_rng(7)
    groups, trials = 150, 100
    truth = {"difference": 0.10, "gain": 0.10 / 0.65, "mean": 0.10 / 0.65}
    covered = dict.fromkeys(truth, 0)
    tasks = [Task(name="t", kind="classification", corpora=[c], labels=("x", "y")) for c in "ab"]
    for trial in range(trials):
        pairs = []
        for task in tasks:
            luck = np.repeat(generator.random(groups), 2)
            true = np.array(["x", "y"])[generator.integers(0, 2, 2 * groups)]
            wrong = np.where(true == "x", "y", "x")
            rows = [
                table(np.where(luck < share, true, wrong).tolist(), true.tolist(), task.corpora[0])
                for share in (0.75, 0.65)
            ]
            scores = PairedBootstrap({"t": rows[0]}, resamples=200, seed=trial)
            pairs.append((scores.reference(task), scores.other(rows[1], task, where="x")))
        multi, single = pairs[0]
        found = {
            "difference": multi.minus(single),
            "gain": relative_gain(multi, single),
            "mean": mean_estimate([relative_gain(*pair) for pair in pairs]),
        }
        for name, estimate in found.items():
            entry = mean_estimate([estimate]).entry("gain") if name != "mean" else estimate.entry("gain")
            covered[name] += entry["low"] <= truth[name] <= entry["high"]
    assert all(0.89 <= count / trials <= 0.99 for count in covered.values()), covered


def test_the_spread_of_trainings_widens_the_interval() -> None:
    """Three trainings that differ by chance, documents that do not matter: the interval is that of the mean of three."""
    seeds = np.array([0.70, 0.74, 0.66])
    pairs = [(Estimate(v, np.full(20_000, v)), Estimate(0.6, np.full(20_000, 0.6))) for v in seeds]
    multi, single = average_over_seeds(pairs, 1)
    assert multi.value == pytest.approx(0.70)
    assert single.value == pytest.approx(0.6)
    assert multi.resampled.std() == pytest.approx(seeds.std(ddof=1) / np.sqrt(3), rel=0.03)
    assert single.resampled.std() == pytest.approx(0, abs=1e-9)
    assert average_over_seeds(pairs[:1], 1) == pairs[0]
    again, _ = average_over_seeds(pairs, 1)
    assert (again.resampled == multi.resampled).all()


def test_what_both_models_share_under_a_seed_cancels() -> None:
    drawn = np.random.default_rng(0).normal(0, 0.01, (3, 500))
    pairs = [
        (Estimate(0.7 + s, 0.7 + s + d), Estimate(0.6 + s, 0.6 + s + d))
        for s, d in zip((0.0, 0.1, -0.1), drawn, strict=True)
    ]
    multi, single = average_over_seeds(pairs, 1)
    assert multi.minus(single).resampled == pytest.approx(np.full(500, 0.1))
