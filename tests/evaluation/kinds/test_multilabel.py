"""Metrics of label sets against scikit-learn."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    precision_recall_fscore_support,
)
from sklearn.preprocessing import MultiLabelBinarizer

from mgm.evaluation.kinds import evaluation_of
from mgm.evaluation.predictions import select_labelled
from tests.evaluation.frames import frame, metrics, task

LABELS = ["诗", "news", "rare"]
TASK = task("multilabel", LABELS)

sets = st.lists(st.sampled_from(LABELS), max_size=3, unique=True)


@settings(max_examples=40)
@given(st.lists(st.tuples(sets, sets), min_size=1, max_size=20))
def test_multilabel_agrees_with_scikit_learn(pairs: list[tuple[list[str], list[str]]]) -> None:
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    found = metrics("multilabel", true, predicted, LABELS)
    binarizer = MultiLabelBinarizer(classes=LABELS).fit([])
    y, z = binarizer.transform(true), binarizer.transform(predicted)
    precision, recall, f1, _ = precision_recall_fscore_support(y, z, average="micro", zero_division=0)
    assert [found["micro_precision"], found["micro_recall"]] == pytest.approx([precision, recall])
    assert found["micro_f1"] == pytest.approx(f1)
    assert found["subset_accuracy"] == pytest.approx(accuracy_score(y, z))
    macro = f1_score(y, z, average="macro", zero_division=np.nan)
    assert found["macro_f1"] == pytest.approx(macro, nan_ok=True)
    if y.sum():
        weighted = precision_recall_fscore_support(y, z, average="weighted", zero_division=0)[:3]
        names = [f"weighted_{name}" for name in ("precision", "recall", "f1")]
        assert [found[name] for name in names] == pytest.approx(list(weighted))


tenths = st.integers(0, 10).map(lambda x: x / 10)


@settings(max_examples=60)
@given(st.lists(st.tuples(sets, st.tuples(tenths, tenths, tenths)), min_size=1, max_size=12))
def test_average_precision_agrees_with_scikit_learn(
    documents: list[tuple[list[str], tuple[float, float, float]]],
) -> None:
    true, probs = [list(side) for side in zip(*documents, strict=True)]
    rows = frame("multilabel", true, [[]] * len(true)).with_columns(
        pl.Series("probs:t", [list(p) for p in probs], dtype=pl.List(pl.Float32))
    )
    statistics = evaluation_of(TASK).ranking_statistics(rows, TASK)
    assert statistics is not None
    found = statistics.score()
    y, scores = MultiLabelBinarizer(classes=LABELS).fit([]).transform(true), np.array(probs)
    if not y.any():
        assert all(math.isnan(value) for value in found.values())
        return
    assert found["micro_average_precision"] == pytest.approx(
        average_precision_score(y, scores, average="micro")
    )
    each = [average_precision_score(y[:, k], scores[:, k]) for k in range(3) if y[:, k].any()]
    assert found["macro_average_precision"] == pytest.approx(np.mean(each))


def test_an_unseen_label_is_ranked_last() -> None:
    rows = frame("multilabel", [["news"], ["new"]], [[], []]).with_columns(
        pl.Series("probs:t", [[0.1, 0.9, 0.2], [0.1, 0.3, 0.2]], dtype=pl.List(pl.Float32))
    )
    statistics = evaluation_of(TASK).ranking_statistics(rows, TASK)
    assert statistics is not None
    found = statistics.score()
    assert found["micro_average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 8)
    assert found["macro_average_precision"] == pytest.approx((1 + 1 / 2) / 2)


def test_an_empty_label_list_is_labelled_and_null_is_not() -> None:
    rows = select_labelled(frame("multilabel", [[], None, ["诗"]], [[], ["诗"], ["诗"]]), TASK)
    assert rows["doc_id"].to_list() == ["d0000", "d0002"]
    assert evaluation_of(TASK).statistics(rows, TASK).score()["subset_accuracy"] == 1
