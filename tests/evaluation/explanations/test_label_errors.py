"""Planted wrong labels among clear ones."""

import numpy as np
import polars as pl

from mgm.evaluation.explanations.label_errors import KINDS, WHY_NOT, suspected
from mgm.tasks import TASK_KINDS, Task

SPACE = ["calc", "draw", "writer"]
GENRE = Task(name="genre", kind="classification", corpora=["c"])
TOPICS = Task(name="topics", kind="multilabel", corpora=["c"])


def probabilities(true: np.ndarray) -> np.ndarray:
    """Sure of the true class, but for a little noise."""
    generator = np.random.default_rng(0)
    probs = np.full((len(true), 3), 0.1) + generator.uniform(0, 0.05, (len(true), 3))
    probs[np.arange(len(true)), true] += 0.7
    return probs / probs.sum(1, keepdims=True)


def test_planted_wrong_classes_are_suspected_and_no_other() -> None:
    true = np.arange(120) % 3
    given = true.copy()
    given[[10, 50, 90]] = (true[[10, 50, 90]] + 1) % 3
    # so sure that the mean of its class, the threshold, does not hide it
    probs = probabilities(true)
    probs[[10, 50, 90]] = np.eye(3)[true[[10, 50, 90]]] * 0.97 + 0.01
    searched, found = suspected(probs, pl.Series([SPACE[i] for i in given]), GENRE, SPACE)
    assert searched == 120
    assert sorted(found["row"]) == [10, 50, 90]
    for row in found.to_dicts():
        assert (row["label"], row["suggested"]) == (SPACE[given[row["row"]]], SPACE[true[row["row"]]])
        assert round(row["probability"], 2) == 0.98


def test_rows_without_a_label_or_with_one_that_training_never_saw_are_not_searched() -> None:
    true = np.arange(30) % 3
    labels: list[str | None] = [SPACE[i] for i in true]
    labels[0], labels[1] = None, "base"
    searched, found = suspected(probabilities(true), pl.Series(labels), GENRE, SPACE)
    assert searched == 28
    assert found.height == 0


def test_planted_wrong_sets_of_labels_are_suspected_with_what_differs() -> None:
    generator = np.random.default_rng(1)
    true = generator.random((200, 3)) < 0.4
    probs = np.where(true, 0.9, 0.1) + generator.uniform(-0.05, 0.05, (200, 3))
    given = true.copy()
    given[7, 1], given[70, 2] = not true[7, 1], not true[70, 2]
    probs[7, 1], probs[70, 2] = 0.99 * true[7, 1] + 0.005, 0.99 * true[70, 2] + 0.005
    sets = [[name for name, on in zip(SPACE, row, strict=True) if on] for row in given]
    searched, found = suspected(probs, pl.Series(sets, dtype=pl.List(pl.String)), TOPICS, SPACE)
    assert searched == 200
    assert sorted(found["row"]) == [7, 70]
    what = dict(zip(found["row"], found["suggested"], strict=True))
    assert what == {
        7: "also draw" if true[7, 1] else "without draw",
        70: "also writer" if true[70, 2] else "without writer",
    }


def test_every_kind_is_searched_or_says_why_not() -> None:
    assert set(KINDS) | set(WHY_NOT) == {name for name, kind in TASK_KINDS.items() if not kind.generates_text}
    assert set(KINDS).isdisjoint(WHY_NOT)


def test_one_document_is_too_few() -> None:
    assert suspected(np.eye(3)[:1], pl.Series(["calc"]), GENRE, SPACE)[1].is_empty()
