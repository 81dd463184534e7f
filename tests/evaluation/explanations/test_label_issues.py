"""Planted wrong labels among clear ones."""

import numpy as np
import polars as pl

from mgm.evaluation.explanations.kinds import TASK_EXPLANATIONS, explanation_of
from mgm.evaluation.explanations.label_issues import LabelIssues
from mgm.tasks import Task

SPACE = ["calc", "draw", "writer"]
GENRE = Task(name="genre", kind="classification", corpora=["c"], labels=tuple(SPACE))
TOPICS = Task(name="topics", kind="multilabel", corpora=["c"], labels=tuple(SPACE))


def find(probs: np.ndarray, labels: pl.Series, task: Task) -> LabelIssues:
    return explanation_of(task).label_issues(probs, labels, task=task)


def probabilities(true: np.ndarray) -> np.ndarray:
    """Sure of the true class, but for a little noise."""
    generator = np.random.default_rng(0)
    probs = np.full((len(true), 3), 0.1) + generator.uniform(0, 0.05, (len(true), 3))
    probs[np.arange(len(true)), true] += 0.7
    return probs / probs.sum(1, keepdims=True)


def test_planted_wrong_classes_are_the_only_issues() -> None:
    true = np.arange(120) % 3
    given = true.copy()
    given[[10, 50, 90]] = (true[[10, 50, 90]] + 1) % 3
    # so sure that the mean of its class, the threshold, does not hide it
    probs = probabilities(true)
    probs[[10, 50, 90]] = np.eye(3)[true[[10, 50, 90]]] * 0.97 + 0.01
    found = find(probs, pl.Series([SPACE[i] for i in given]), GENRE)
    assert found.num_searched == 120
    assert sorted(found.issues["row"]) == [10, 50, 90]
    for row in found.issues.to_dicts():
        assert (row["label"], row["suggested"]) == (SPACE[given[row["row"]]], SPACE[true[row["row"]]])
        assert round(row["probability"], 2) == 0.98


def test_rows_without_a_known_label_are_not_searched() -> None:
    true = np.arange(30) % 3
    labels: list[str | None] = [SPACE[i] for i in true]
    labels[0], labels[1] = None, "base"
    found = find(probabilities(true), pl.Series(labels), GENRE)
    assert found.num_searched == 28
    assert found.issues.height == 0


def test_planted_wrong_label_sets_are_issues() -> None:
    """The suggestion is the label that differs."""
    generator = np.random.default_rng(1)
    true = generator.random((200, 3)) < 0.4
    probs = np.where(true, 0.9, 0.1) + generator.uniform(-0.05, 0.05, (200, 3))
    given = true.copy()
    given[7, 1], given[70, 2] = not true[7, 1], not true[70, 2]
    probs[7, 1], probs[70, 2] = 0.99 * true[7, 1] + 0.005, 0.99 * true[70, 2] + 0.005
    sets = [[name for name, on in zip(SPACE, row, strict=True) if on] for row in given]
    found = find(probs, pl.Series(sets, dtype=pl.List(pl.String)), TOPICS)
    assert found.num_searched == 200
    assert sorted(found.issues["row"]) == [7, 70]
    what = dict(zip(found.issues["row"], found.issues["suggested"], strict=True))
    assert what == {
        7: "also draw" if true[7, 1] else "without draw",
        70: "also writer" if true[70, 2] else "without writer",
    }


def test_every_kind_is_searched_or_says_why_not() -> None:
    why = {kind: explanation.why_no_label_issues for kind, explanation in TASK_EXPLANATIONS.items()}
    assert {kind for kind, reason in why.items() if reason is None} == {"classification", "multilabel"}


def test_one_document_is_too_few() -> None:
    assert find(np.eye(3)[:1], pl.Series(["calc"]), GENRE).issues.is_empty()
