"""Metrics of spans against independent counts and seqeval."""

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2, Entities

from mgm.evaluation.kinds import TaggingEvaluation, evaluation_of
from tests.evaluation.frames import frame, metrics, span, task

TASK = task("tagging", ["A", "B"])

boundaries = st.tuples(st.integers(0, 4), st.integers(1, 2), st.sampled_from(["A", "B"]))
spans = st.lists(boundaries.map(lambda x: (x[0], x[0] + x[1], x[2])), max_size=5, unique=True)


@settings(max_examples=40)
@given(st.lists(st.tuples(spans, spans), min_size=1, max_size=8))
def test_span_metrics_agree_with_an_independent_count(
    documents: list[tuple[list[tuple[int, int, str]], list[tuple[int, int, str]]]],
) -> None:
    true = Counter((i, *s) for i, (gold, _) in enumerate(documents) for s in gold)
    predicted = Counter((i, *s) for i, (_, spans_) in enumerate(documents) for s in spans_)
    right = sum((true & predicted).values())
    found = metrics(
        "tagging",
        [[span(*s) for s in true_] for true_, _ in documents],
        [[span(*s) for s in spans_] for _, spans_ in documents],
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

    true, predicted = sum(len(g) for g, _ in documents), sum(len(s) for _, s in documents)
    precision = sum(near(s, g) for g, s in documents) / max(predicted, 1)
    recall = sum(near(g, s) for g, s in documents) / max(true, 1)
    columns = [[[span(*s) for s in side] for side in column] for column in zip(*documents, strict=True)]
    found = metrics("tagging", *columns, ["A", "B"])
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

    true, predicted = [[d[side][: min(map(len, d))] for d in documents] for side in (0, 1)]
    rows = frame("tagging", [spans_of(bio) for bio in true], [spans_of(bio) for bio in predicted])
    table = TaggingEvaluation().label_table(rows, TASK).filter(pl.col("support") + pl.col("predicted") > 0)
    if not table.height:
        return
    report = classification_report(
        true, predicted, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )
    for row in table.to_dicts():
        expected = report[row["label"]]
        assert row["support"] == expected["support"]
        for name, column in (("precision", "precision"), ("recall", "recall"), ("f1-score", "f1")):
            assert (row[column] or 0) == pytest.approx(expected[name])
    pooled = report["micro avg"]
    found = evaluation_of(TASK).statistics(rows, TASK).score()
    assert found["span_f1"] == pytest.approx(pooled["f1-score"])
    if all(report[label]["support"] for label in table["label"]):
        assert found["macro_span_f1"] == pytest.approx(report["macro avg"]["f1-score"])


def test_a_span_must_match_in_both_ends_and_label() -> None:
    true = [[span(0, 2, "A"), span(3, 5, "B")], [span(0, 1, "A")]]
    predicted = [[span(0, 2, "B"), span(3, 5, "B"), span(3, 4, "B")], [span(0, 1, "A")]]
    rows = frame("tagging", true, predicted)
    table = TaggingEvaluation().label_table(rows, TASK)
    assert table.select("label", "support", "predicted", "correct").rows() == [("A", 2, 1, 1), ("B", 1, 3, 1)]
    found = evaluation_of(TASK).statistics(rows, TASK).score()
    assert found["span_precision"] == pytest.approx(2 / 4)
    assert found["span_recall"] == pytest.approx(2 / 3)
