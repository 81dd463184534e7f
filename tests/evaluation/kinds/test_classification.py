"""Metrics of classes against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from mgm.evaluation.kinds import ClassificationEvaluation, evaluation_of
from mgm.evaluation.predictions import select_labelled
from tests.evaluation.frames import frame, metrics, task

LABELS = ["诗", "news", "rare"]
TASK = task("classification", LABELS)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from([*LABELS, "new"]), st.sampled_from(LABELS)), min_size=1, max_size=30)
)
def test_classification_agrees_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    found = metrics("classification", true, predicted, LABELS)
    assert found["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert found["micro_f1"] == pytest.approx(f1_score(true, predicted, average="micro"))
    weighted = f1_score(true, predicted, average="weighted", zero_division=0)
    assert found["weighted_f1"] == pytest.approx(weighted)
    expected = f1_score(true, predicted, labels=LABELS, average="macro", zero_division=np.nan)
    assert found["macro_f1"] == pytest.approx(expected, nan_ok=True)
    occurring = [label for label in LABELS if label in {*true, *predicted}]
    macro = precision_recall_fscore_support(
        true, predicted, labels=occurring, average="macro", zero_division=0
    )
    assert [found["macro_precision"], found["macro_recall"]] == pytest.approx(list(macro[:2]))
    weighted = precision_recall_fscore_support(true, predicted, average="weighted", zero_division=0)
    assert found["weighted_precision"] == pytest.approx(weighted[0])


def test_an_unseen_label_counts_as_wrong_and_is_counted() -> None:
    rows = frame("classification", ["news", "new", "new", None], ["news", "news", "诗", "诗"])
    rows = select_labelled(rows, TASK)
    assert rows.height == 3
    assert evaluation_of(TASK).num_unseen_labels(rows, TASK) == 2
    found = evaluation_of(TASK).statistics(rows, TASK).score()
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["macro_f1"] == pytest.approx(
        (2 / 3 + 0) / 2
    )  # news: 1 right, 1 wrong; 诗: 0; rare: nothing known


def test_the_label_table_agrees_with_scikit_learn() -> None:
    """Labels that training never saw come last."""
    true, predicted = ["news", "诗", "诗", "new"], ["news", "诗", "news", "news"]
    table = ClassificationEvaluation().label_table(frame("classification", true, predicted), TASK)
    assert table["label"].to_list() == [*LABELS, "new"]
    assert table["seen"].to_list() == [True, True, True, False]
    expected = precision_recall_fscore_support(
        true, predicted, labels=table["label"].to_list(), zero_division=np.nan
    )
    for column, values in zip(["precision", "recall", "f1", "support"], expected, strict=True):
        found = [math.nan if x is None else x for x in table[column].to_list()]
        assert found == pytest.approx(list(values), nan_ok=True), column
