"""Gains and differences on the same documents and in the same resamples."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mgm.evaluation.paired_scores import JointScores, Score, mean, over_trainings
from mgm.tasks import Task

LABELS = ["cat", "猫", "rain"]
TASK = Task(name="t", kind="classification", corpora=["c"])
TRUE = ["cat", "cat", "猫", "猫", "rain", "rain"]
MULTI = ["cat", "cat", "猫", "rain", "rain", "rain"]
SINGLE = ["cat", "猫", "猫", "rain", "rain", "cat"]


def table(said: list[str], true: list[str] | None = None, corpus: str = "c", task: str = "t") -> pl.DataFrame:
    n = len(said)
    columns: dict[str, Any] = {
        "corpus": [corpus] * n,
        "doc_id": [f"d{i}" for i in range(n)],
        "group": [f"g{i // 2}" for i in range(n)],
        "lang": ["en"] * n,
        task: said,
        f"{task}_true": true or TRUE,
    }
    return pl.DataFrame(columns)


def joint(rows: pl.DataFrame, resamples: int = 200) -> JointScores:
    return JointScores({"t": rows}, {"t": LABELS}, resamples, 1)


def gain(rows: pl.DataFrame, other: pl.DataFrame) -> dict[str, Any]:
    scores = joint(rows)
    return scores.of(TASK).gain_over(scores.other(other, TASK, "data/study/single/t")).entry("gain")


def macro_f1(said: list[str], rows: list[int]) -> float:
    """The mean over the labels that occur there."""
    true, predicted = [TRUE[i] for i in rows], [said[i] for i in rows]
    return float(f1_score(true, predicted, average="macro"))


def test_a_tiny_table_by_hand() -> None:
    """Three groups of two documents: every resample is one of the ten multisets of three groups."""
    found = gain(table(MULTI), table(SINGLE))
    m, s = macro_f1(MULTI, list(range(6))), macro_f1(SINGLE, list(range(6)))
    assert m == pytest.approx((1 + 2 / 3 + 4 / 5) / 3)
    assert s == pytest.approx(1 / 2)
    assert found["gain"] == pytest.approx((m - s) / s, abs=1e-4)

    scores = joint(table(MULTI))
    drawn = scores.of(TASK).less(scores.other(table(SINGLE), TASK, "x")).drawn
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


def test_other_documents_or_labels_are_a_clear_error() -> None:
    scores = joint(table(MULTI))
    with pytest.raises(
        ValueError, match=r"data/study/x, task t: lacks 2 labelled documents, first 'd4' of c"
    ):
        scores.other(table(SINGLE)[:4], TASK, "data/study/x")
    more = table([*SINGLE, "cat"], [*TRUE, "cat"])
    with pytest.raises(ValueError, match=r"task t: adds 1 labelled documents, first 'd6' of c"):
        scores.other(more, TASK, "data/study/x")
    unlabelled = table(SINGLE).with_columns(t_true=pl.Series([*TRUE[:5], None]))
    with pytest.raises(ValueError, match=r"lacks 1 labelled documents, first 'd5'"):
        scores.other(unlabelled, TASK, "data/study/x")
    relabelled = table(SINGLE, [*TRUE[:5], "猫"])
    with pytest.raises(
        ValueError, match=r"column t_true, doc_id 'd5': found '猫', expected 'rain'.*make study"
    ):
        scores.other(relabelled, TASK, "data/study/x")
    regrouped = table(SINGLE).with_columns(group=pl.Series(["g9", *table(SINGLE)["group"][1:]]))
    with pytest.raises(ValueError, match=r"column group, doc_id 'd0': found 'g9', expected 'g0'"):
        scores.other(regrouped, TASK, "data/study/x")


def test_over_a_model_at_zero_no_gain_is_defined() -> None:
    found = gain(table(MULTI), table(["rain", "rain", "cat", "cat", "猫", "猫"]))
    assert found == {"gain": None, "low": None, "high": None, "shown": "no interval"}


def test_words_follow_the_interval() -> None:
    def shown(drawn: list[float]) -> str:
        return str(Score(0.1, np.array(drawn)).entry("gain")["shown"])

    assert shown([0.1, 0.2, 0.3]) == "better"
    assert shown([-0.1, -0.2, -0.3]) == "worse"
    assert shown([-0.1, 0.2]) == "no difference shown"
    assert shown([]) == "no interval"


def test_one_group_or_no_resamples_gives_no_interval() -> None:
    alone = table(MULTI).with_columns(group=pl.lit("g"))
    scores = joint(alone)
    assert scores.of(TASK).entry("x") == {
        "x": pytest.approx(0.8222, abs=1e-4),
        "low": None,
        "high": None,
        "shown": "no interval",
    }
    assert joint(table(MULTI), resamples=0).of(TASK).entry("x")["low"] is None


def noisy(corpus: str, task: str, seed: int, n: int = 300) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables of a model that is right on 80% of the documents, and of one that is on 70%."""
    generator = np.random.default_rng(seed)
    true = generator.choice(LABELS, n)
    tables = []
    for share in (0.8, 0.7):
        said = np.where(generator.random(n) < share, true, generator.choice(LABELS, n))
        tables.append(table(said.tolist(), true.tolist(), corpus, task))
    return tables[0], tables[1]


def width(score: Score) -> float:
    entry = score.entry("gain")
    return float(entry["high"] - entry["low"])


def test_tasks_of_a_corpus_share_their_draws_and_corpora_do_not() -> None:
    """The mean over two equal tasks is as uncertain as one of them; over two corpora it is by 1/sqrt(2) less so."""
    a, b = (Task(name=name, kind="classification", corpora=["c"]) for name in "ab")
    other = Task(name="o", kind="classification", corpora=["other"])
    multi, single = noisy("c", "a", 1)
    again = {
        name: frame.rename({"a": "b", "a_true": "b_true"}) for name, frame in (("m", multi), ("s", single))
    }
    far = {
        name: frame.rename({"a": "o", "a_true": "o_true"}).with_columns(corpus=pl.lit("other"))
        for name, frame in (("m", multi), ("s", single))
    }
    scores = JointScores({"a": multi, "b": again["m"], "o": far["m"]}, dict.fromkeys("abo", LABELS), 2000, 1)
    gains = {
        task.name: scores.of(task).gain_over(scores.other(rows, task, "x"))
        for task, rows in ((a, single), (b, again["s"]), (other, far["s"]))
    }
    assert gains["a"].value == gains["o"].value
    assert np.array_equal(gains["a"].drawn, gains["b"].drawn)
    assert width(mean([gains["a"], gains["b"]])) == pytest.approx(width(gains["a"]), abs=1e-4)
    assert width(mean([gains["a"], gains["o"]])) == pytest.approx(width(gains["a"]) / math.sqrt(2), rel=0.15)
    assert mean([gains["a"], gains["o"]]).value == pytest.approx(gains["a"].value)


@pytest.mark.parametrize("statistic", ["difference", "gain", "mean"])
def test_paired_intervals_cover_the_truth_about_as_often_as_they_say(statistic: str) -> None:
    """Two models that are right on 3 of 4 and on 13 of 20 documents, mostly the same ones, in groups of two that are
    right or wrong together. Both classes are as frequent and as hard, so that macro-F1's truth is the accuracy's."""
    generator = np.random.default_rng(7)
    groups, trials, covered = 150, 200, 0
    truth = 0.10 if statistic == "difference" else 0.10 / 0.65
    tasks = [Task(name="t", kind="classification", corpora=[c]) for c in "ab"]
    for trial in range(trials):
        found = []
        for task in tasks[: 2 if statistic == "mean" else 1]:
            luck = np.repeat(generator.random(groups), 2)
            true = np.array(["x", "y"])[generator.integers(0, 2, 2 * groups)]
            wrong = np.where(true == "x", "y", "x")
            rows = [
                table(np.where(luck < share, true, wrong).tolist(), true.tolist(), task.corpora[0])
                for share in (0.75, 0.65)
            ]
            scores = JointScores({"t": rows[0]}, {"t": ["x", "y"]}, 200, trial)
            multi, single = scores.of(task), scores.other(rows[1], task, "x")
            found.append(multi.less(single) if statistic == "difference" else multi.gain_over(single))
        entry = mean(found).entry("gain")
        covered += entry["low"] <= truth <= entry["high"]
    assert 0.89 <= covered / trials <= 0.99


def test_pairing_narrows_the_interval() -> None:
    """Models that err on the same documents: their difference is surer than their values."""
    luck = np.random.default_rng(2).random(300)
    true = np.array(["x", "y"] * 150)
    wrong = np.where(true == "x", "y", "x")
    rows = [table(np.where(luck < s, true, wrong).tolist(), true.tolist()) for s in (0.75, 0.7)]
    scores = JointScores({"t": rows[0]}, {"t": ["x", "y"]}, 1000, 1)
    multi, single = scores.of(TASK), scores.other(rows[1], TASK, "x")
    assert width(multi.less(single)) < 0.7 * width(multi)


def test_over_trainings_the_means_are_compared_and_their_spread_counts() -> None:
    """Three trainings that differ by chance, documents that do not matter: the interval is that of the mean of three."""
    seeds = np.array([0.70, 0.74, 0.66])
    pairs = [(Score(v, np.full(20_000, v)), Score(0.6, np.full(20_000, 0.6))) for v in seeds]
    multi, single = over_trainings(pairs, 1)
    assert multi.value == pytest.approx(0.70)
    assert single.value == pytest.approx(0.6)
    assert multi.drawn.std() == pytest.approx(seeds.std(ddof=1) / np.sqrt(3), rel=0.03)
    assert single.drawn.std() == pytest.approx(0, abs=1e-9)
    assert over_trainings(pairs[:1], 1) == pairs[0]
    again, _ = over_trainings(pairs, 1)
    assert (again.drawn == multi.drawn).all()


def test_what_both_models_share_under_a_seed_cancels() -> None:
    drawn = np.random.default_rng(0).normal(0, 0.01, (3, 500))
    pairs = [
        (Score(0.7 + s, 0.7 + s + d), Score(0.6 + s, 0.6 + s + d))
        for s, d in zip((0.0, 0.1, -0.1), drawn, strict=True)
    ]
    multi, single = over_trainings(pairs, 1)
    assert multi.less(single).drawn == pytest.approx(np.full(500, 0.1))
