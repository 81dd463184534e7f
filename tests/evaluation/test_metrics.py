import math
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2, Entities
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    mean_absolute_error,
    precision_recall_fscore_support,
)
from sklearn.preprocessing import MultiLabelBinarizer

from mgm.evaluation.items import per_label
from mgm.evaluation.metrics import labelled, ranking_statistics, statistics, unseen_labels
from mgm.tasks import Task

LABELS = ["诗", "news", "rare"]


def task(kind: str) -> Task:
    return Task(name="t", kind=kind, corpora=["c"])


def frame(kind: str, true: list[Any], predicted: list[Any]) -> pl.DataFrame:
    dtype = task(kind).column_type
    return pl.DataFrame(
        {
            "doc_id": [f"d{i}" for i in range(len(true))],
            "group": [f"g{i // 2}" for i in range(len(true))],
            "lang": ["en", "zh"] * (len(true) // 2) + ["en"] * (len(true) % 2),
            "t": pl.Series(predicted, dtype=dtype),
            "t_true": pl.Series(true, dtype=dtype),
        }
    )


def score(kind: str, true: list[Any], predicted: list[Any], labels: list[str] = LABELS) -> dict[str, float]:
    rows = labelled(frame(kind, true, predicted), task(kind))
    return statistics(rows, task(kind), labels).score()


def span(start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from([*LABELS, "new"]), st.sampled_from(LABELS)), min_size=1, max_size=30)
)
def test_classification_agrees_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    found = score("classification", true, predicted)
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


def test_a_label_that_training_never_saw_counts_as_wrong_and_is_counted() -> None:
    rows = frame("classification", ["news", "new", "new", None], ["news", "news", "诗", "诗"])
    rows = labelled(rows, task("classification"))
    assert rows.height == 3
    assert unseen_labels(rows, task("classification"), LABELS) == 2
    found = statistics(rows, task("classification"), LABELS).score()
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["macro_f1"] == pytest.approx(
        (2 / 3 + 0) / 2
    )  # news: 1 right, 1 wrong; 诗: 0; rare: nothing known


sets = st.lists(st.sampled_from(LABELS), max_size=3, unique=True)


@settings(max_examples=40)
@given(st.lists(st.tuples(sets, sets), min_size=1, max_size=20))
def test_multilabel_agrees_with_scikit_learn(pairs: list[tuple[list[str], list[str]]]) -> None:
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    found = score("multilabel", true, predicted)
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
        t_probs=pl.Series([list(p) for p in probs], dtype=pl.List(pl.Float32))
    )
    statistics = ranking_statistics(rows, task("multilabel"), LABELS)
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


def test_a_true_label_that_training_never_saw_is_ranked_last() -> None:
    rows = frame("multilabel", [["news"], ["new"]], [[], []]).with_columns(
        t_probs=pl.Series([[0.1, 0.9, 0.2], [0.1, 0.3, 0.2]], dtype=pl.List(pl.Float32))
    )
    statistics = ranking_statistics(rows, task("multilabel"), LABELS)
    assert statistics is not None
    found = statistics.score()
    assert found["micro_average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 8)
    assert found["macro_average_precision"] == pytest.approx((1 + 1 / 2) / 2)


def test_an_empty_label_list_is_labelled_and_null_is_not() -> None:
    rows = labelled(frame("multilabel", [[], None, ["诗"]], [[], ["诗"], ["诗"]]), task("multilabel"))
    assert rows["doc_id"].to_list() == ["d0", "d2"]
    assert statistics(rows, task("multilabel"), LABELS).score()["subset_accuracy"] == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-8, 8), st.integers(-8, 8)), min_size=2, max_size=30))
def test_regression_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    true, predicted = [[x / 2 for x in side] for side in zip(*pairs, strict=True)]
    found = score("regression", true, predicted, [])
    assert found["mae"] == pytest.approx(mean_absolute_error(true, predicted))
    if len(set(true)) > 1 and len(set(predicted)) > 1:
        assert found["pearson"] == pytest.approx(pearsonr(true, predicted).statistic, abs=1e-9)
        assert found["spearman"] == pytest.approx(spearmanr(true, predicted).statistic, abs=1e-9)
    else:
        assert found["pearson"] == found["spearman"] == 0


def test_a_constant_that_floating_point_cannot_average_exactly_has_no_correlation() -> None:
    assert score("regression", [1.0, 2.0, 4.0], [0.1, 0.1, 0.1], [])["pearson"] == 0


boundaries = st.tuples(st.integers(0, 4), st.integers(1, 2), st.sampled_from(["A", "B"]))
spans = st.lists(boundaries.map(lambda x: (x[0], x[0] + x[1], x[2])), max_size=5, unique=True)


@settings(max_examples=40)
@given(st.lists(st.tuples(spans, spans), min_size=1, max_size=8))
def test_span_metrics_agree_with_an_independent_count(
    documents: list[tuple[list[tuple[int, int, str]], list[tuple[int, int, str]]]],
) -> None:
    true = Counter((i, *s) for i, (gold, _) in enumerate(documents) for s in gold)
    predicted = Counter((i, *s) for i, (_, said) in enumerate(documents) for s in said)
    right = sum((true & predicted).values())
    found = score(
        "tagging",
        [[span(*s) for s in gold] for gold, _ in documents],
        [[span(*s) for s in said] for _, said in documents],
        ["A", "B"],
    )
    assert found["span_precision"] == pytest.approx(right / max(predicted.total(), 1))
    assert found["span_recall"] == pytest.approx(right / max(true.total(), 1))
    assert found["span_f1"] == pytest.approx(2 * right / max(predicted.total() + true.total(), 1))


@settings(max_examples=80)
@given(st.lists(st.tuples(spans, spans), min_size=1, max_size=8))
def test_overlap_metrics_agree_with_every_pair_compared(
    documents: list[tuple[list[tuple[int, int, str]], list[tuple[int, int, str]]]],
) -> None:
    def near(ours: list[tuple[int, int, str]], others: list[tuple[int, int, str]]) -> int:
        return sum(any(a[2] == b[2] and a[0] < b[1] and b[0] < a[1] for b in others) for a in ours)

    true, said = sum(len(g) for g, _ in documents), sum(len(s) for _, s in documents)
    precision = sum(near(s, g) for g, s in documents) / max(said, 1)
    recall = sum(near(g, s) for g, s in documents) / max(true, 1)
    columns = [[[span(*s) for s in side] for side in column] for column in zip(*documents, strict=True)]
    found = score("tagging", *columns, ["A", "B"])
    assert found["overlap_precision"] == pytest.approx(precision)
    assert found["overlap_recall"] == pytest.approx(recall)
    both = precision + recall
    assert found["overlap_f1"] == pytest.approx(2 * precision * recall / both if both else 0)


tags = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), min_size=1, max_size=9)


@settings(max_examples=60)
@given(st.lists(st.tuples(tags, tags), min_size=1, max_size=6))
def test_span_metrics_by_type_agree_with_seqeval(documents: list[tuple[list[str], list[str]]]) -> None:
    """A word is a character; strict BIO, in which an I- that follows no B- begins nothing."""

    def spans_of(bio: list[str]) -> list[dict[str, Any]]:
        return [
            span(start, end, label)
            for label, start, end in ((e.tag, e.start, e.end) for e in Entities([bio], IOB2).entities[0])
        ]

    true, said = [[d[side][: min(map(len, d))] for d in documents] for side in (0, 1)]
    rows = labelled(
        frame("tagging", [spans_of(bio) for bio in true], [spans_of(bio) for bio in said]), task("tagging")
    )
    table = per_label(rows, task("tagging"), ["A", "B"]).filter(pl.col("support") + pl.col("predicted") > 0)
    if not table.height:
        return
    report = classification_report(true, said, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    for row in table.to_dicts():
        expected = report[row["label"]]
        assert row["support"] == expected["support"]
        for name, column in (("precision", "precision"), ("recall", "recall"), ("f1-score", "f1")):
            assert (row[column] or 0) == pytest.approx(expected[name])
    pooled = report["micro avg"]
    found = statistics(rows, task("tagging"), ["A", "B"]).score()
    assert found["span_f1"] == pytest.approx(pooled["f1-score"])
    if all(report[label]["support"] for label in table["label"]):
        assert found["macro_span_f1"] == pytest.approx(report["macro avg"]["f1-score"])


def test_a_span_must_match_in_both_ends_and_label() -> None:
    true = [[span(0, 2, "A"), span(3, 5, "B")], [span(0, 1, "A")]]
    predicted = [[span(0, 2, "B"), span(3, 5, "B"), span(3, 4, "B")], [span(0, 1, "A")]]
    rows = labelled(frame("tagging", true, predicted), task("tagging"))
    table = per_label(rows, task("tagging"), ["A", "B"])
    assert table.select("label", "support", "predicted", "correct").rows() == [("A", 2, 1, 1), ("B", 1, 3, 1)]
    found = statistics(rows, task("tagging"), ["A", "B"]).score()
    assert found["span_precision"] == pytest.approx(2 / 4)
    assert found["span_recall"] == pytest.approx(2 / 3)


def test_labels_table_agrees_with_scikit_learn_and_shows_unseen_labels_last() -> None:
    true, predicted = ["news", "诗", "诗", "new"], ["news", "诗", "news", "news"]
    table = per_label(
        labelled(frame("classification", true, predicted), task("classification")),
        task("classification"),
        LABELS,
    )
    assert table["label"].to_list() == [*LABELS, "new"]
    assert table["seen"].to_list() == [True, True, True, False]
    expected = precision_recall_fscore_support(
        true, predicted, labels=table["label"].to_list(), zero_division=np.nan
    )
    for column, values in zip(["precision", "recall", "f1", "support"], expected, strict=True):
        found = [math.nan if x is None else x for x in table[column].to_list()]
        assert found == pytest.approx(list(values), nan_ok=True), column


def test_nothing_labelled_gives_no_value() -> None:
    assert all(math.isnan(x) for x in score("classification", [None], ["诗"]).values())
    assert all(math.isnan(x) for x in score("tagging", [None], [[]]).values())
    assert all(math.isnan(x) for x in score("regression", [None], [1.0], []).values())


def test_a_labelled_row_without_prediction_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"column t, doc_id .d1.*1 rows lack one"):
        labelled(frame("classification", ["诗", "诗"], ["诗", None]), task("classification"))
    with pytest.raises(ValueError, match="found nan"):
        labelled(frame("regression", [1.0], [math.nan]), task("regression"))
