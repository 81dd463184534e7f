"""Every check of every suite, by planting its fault in a good corpus: exactly that check fires, at its severity."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from flows.gates.gate import GATES
from flows.gates.runner import SUITES
from tests.gates.conftest import PARAMS

BETWEEN = "expect_column_values_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
NULL = "expect_column_values_to_be_null"
IN_SET = "expect_column_values_to_be_in_set"
UNIQUE = "expect_column_values_to_be_unique"

Check = tuple[str, str, str]
"""Severity, expectation, column."""
Frame = pl.DataFrame


def rows(column: str, value: Any, where: pl.Expr | None = None) -> Callable[[Frame], Frame]:
    """Sets a column in the rows `where`; without it in d1 alone."""
    chosen = pl.col("doc_id") == "d1" if where is None else where

    def plant(frame: Frame) -> Frame:
        new = pl.Series([value], dtype=frame.schema[column]).to_frame("new")
        frame = frame.join(new, how="cross", maintain_order="left")
        return frame.with_columns(pl.when(chosen).then("new").otherwise(column).alias(column)).drop("new")

    return plant


def span(start: int, end: int) -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "label": "plant"}]


def split(name: str) -> pl.Expr:
    return pl.col("split") == name


def without(name: str) -> Callable[[Frame], Frame]:
    return lambda frame: frame.filter(~split(name))


def empty(frame: Frame) -> Frame:
    return frame.clear()


# What d1 says: "Note 1 is about tea."
COMMON: list[tuple[Check, Callable[[Frame], Frame], int, str]] = [
    (("critical", BETWEEN, "rows"), empty, 0, ""),
    (("warning", BETWEEN, "reject_share"), lambda f: f, 1, "r0 (text_too_short)"),
    (("critical", BETWEEN, "reject_share"), lambda f: f, 10, "r9 (text_too_short)"),
    (("critical", BETWEEN, "train_rows"), without("train"), 0, ""),
    (("warning", BETWEEN, "valid_rows"), without("valid"), 0, ""),
    (("warning", BETWEEN, "test_rows"), without("test"), 0, ""),
    (("critical", UNIQUE, "doc_id"), rows("doc_id", "d2"), 0, "d2"),
    (("critical", NOT_NULL, "text_characters"), rows("text", None), 0, "d1"),
    (("critical", BETWEEN, "group_splits"), rows("group", "g39"), 0, "d39"),
    (("critical", BETWEEN, "train_labelled"), rows("title", None, split("train")), 0, "title"),
]
DOCUMENTS: list[tuple[str, Check, Callable[[Frame], Frame], int, str]] = [
    *(("ingest", *fault) for fault in COMMON),
    ("ingest", ("critical", NOT_NULL, "doc_id"), rows("doc_id", None), 0, "row 1"),
    ("ingest", ("critical", NULL, "lang_missing"), rows("lang", None), 0, "d1"),
    ("ingest", ("critical", IN_SET, "lang"), rows("lang", "english"), 0, "d1"),
    ("ingest", ("critical", NOT_NULL, "split"), rows("split", None), 0, "d1"),
    ("ingest", ("critical", IN_SET, "split"), rows("split", "dev"), 0, "d1"),
    ("ingest", ("critical", NULL, "label_invalid"), rows("topic", " "), 0, "d1"),
    ("ingest", ("critical", NULL, "label_invalid"), rows("title", ""), 0, "d1"),
    ("ingest", ("critical", NULL, "label_invalid"), rows("themes", ["leaf", " "]), 0, "d1"),
    ("ingest", ("critical", NULL, "label_invalid"), rows("rating", float("nan")), 0, "d1"),
    ("ingest", ("critical", NULL, "span_outside"), rows("terms", span(16, 21)), 0, "d1"),
    ("ingest", ("critical", NULL, "span_outside"), rows("terms", span(-1, 3)), 0, "d1"),
    ("ingest", ("critical", NULL, "span_outside"), rows("terms", span(3, 3)), 0, "d1"),
    ("ingest", ("critical", NULL, "span_outside"), rows("terms", [{"end": 2, "label": "plant"}]), 0, "d1"),
    ("ingest", ("warning", NULL, "span_blank_ends"), rows("terms", span(15, 19)), 0, "d1"),
    ("ingest", ("warning", NULL, "span_overlap"), rows("terms", span(0, 6) + span(5, 9)), 0, "d1"),
    ("ingest", ("warning", BETWEEN, "valid_labelled"), rows("rating", None, split("valid")), 0, "rating"),
    ("ingest", ("warning", BETWEEN, "test_labelled"), rows("rating", None, split("test")), 0, "rating"),
    ("ingest", ("critical", BETWEEN, "train_labels"), rows("themes", [], split("train")), 0, "themes"),
    ("ingest", ("critical", BETWEEN, "train_values"), rows("topic", "food", split("train")), 0, "topic"),
    ("ingest", ("critical", BETWEEN, "train_values"), rows("rating", 1.5, split("train")), 0, "rating"),
    *(("clean", *fault) for fault in COMMON),
    ("clean", ("critical", BETWEEN, "text_characters"), rows("text", ""), 0, "d1"),
    ("clean", ("critical", IN_SET, "text_blank"), rows("text", " \n"), 0, "d1"),
    (
        "clean",
        ("warning", NULL, "duplicate_of"),
        rows("text", "The same.", pl.col("doc_id") < "d16"),
        0,
        "d10",
    ),
    (
        "clean",
        ("warning", NULL, "text_also_in"),
        rows("text", "note 1  IS about tea.", split("test")),
        0,
        "d34",
    ),
]


@pytest.mark.parametrize("fault", DOCUMENTS, ids=lambda f: f"{f[0]}-{f[1][2]}-{f[1][0]}")
def test_a_planted_fault_fires_its_check_and_no_other(project, documents, fault):
    gate, (severity, expectation, column), plant, rejected, shown = fault
    project.write(gate, plant(documents), rejected)
    verdict = project.run(gate)
    fired = {(f.severity, f.expectation, f.column) for f in [*verdict.failures, *verdict.warnings]}
    assert fired - IMPLIED.get(column, set()) == {(severity, expectation, column)}
    assert verdict.passed == (severity == "warning")
    (finding,) = [f for f in [*verdict.failures, *verdict.warnings] if f.column == column]
    assert (
        finding.suite == f"{gate}.json"
        and finding.corpus == "notes"
        and finding.observed
        and finding.threshold
    )
    assert len(finding.rows) <= 10 and len(finding.examples) <= 10
    if shown:
        assert shown in finding.rows + finding.examples
    for part in (f"{gate}.json", "notes", expectation, column, finding.observed, finding.threshold, shown):
        assert part in str(finding)


# An empty text is also blank. Six documents of forty with a text of train are also six repeats.
IMPLIED: dict[str, set[Check]] = {
    "text_characters": {("critical", IN_SET, "text_blank")},
    "text_also_in": {("warning", NULL, "duplicate_of")},
}


def corpora(**change: Any) -> Callable[[Any], Any]:
    return lambda features: replace(features, documents=features.documents.with_columns(**change))


def ids(*known: int) -> Callable[[Any], Any]:
    return lambda f: replace(f, types=f.types.with_columns(id=pl.Series(known, dtype=pl.Int32)))


def unlabelled(column: str, where: pl.Expr) -> pl.Expr:
    return pl.when(~where).then(pl.col(column))


FEATURES: list[tuple[Check, Callable[[Any], Any], str]] = [
    (("critical", BETWEEN, "vocabulary_words"), lambda f: replace(f, vocabulary=f.vocabulary.clear()), ""),
    (
        ("critical", BETWEEN, "train_rows"),
        lambda f: replace(f, documents=without("train")(f.documents)),
        "notes",
    ),
    (("critical", BETWEEN, "misaligned_rows"), corpora(sentence=pl.lit([2], pl.List(pl.Int32))), "d0"),
    (("critical", BETWEEN, "misaligned_rows"), corpora(content=pl.lit([True])), "d0"),
    (("warning", BETWEEN, "unknown_share"), ids(1, 0, 2), "notes"),
    (("critical", BETWEEN, "unknown_share"), ids(0, 0, 1), "notes"),
    (("critical", BETWEEN, "labels"), lambda f: replace(f, labels=f.labels | {"themes": []}), "themes"),
    (
        ("critical", BETWEEN, "train_labelled"),
        corpora(rating__y=unlabelled("rating__y", split("train"))),
        "rating",
    ),
    (
        ("warning", BETWEEN, "unseen_share"),
        corpora(topic__y=pl.when(split("test")).then(pl.lit(-1, pl.Int32)).otherwise("topic__y")),
        "topic",
    ),
]


@pytest.mark.parametrize("fault", FEATURES, ids=lambda f: f"{f[0][2]}-{f[0][0]}")
def test_a_fault_planted_in_features_fires_its_check_and_no_other(project, features, fault):
    check, plant, shown = fault
    project.write_features(plant(features))
    verdict = project.run("features")
    (finding,) = [*verdict.failures, *verdict.warnings]
    assert (finding.severity, finding.expectation, finding.column) == check
    assert verdict.passed == (check[0] == "warning")
    assert not shown or shown in finding.rows + finding.examples
    for part in ("features.json", check[1], check[2], finding.observed, finding.threshold, shown):
        assert part in str(finding)


@pytest.mark.parametrize("gate", GATES)
def test_every_check_of_a_suite_has_its_planted_fault(gate):
    suite = json.loads((SUITES / f"{gate}.json").read_text(encoding="utf-8"))["expectations"]
    checks = {(e["severity"], e["type"], e["kwargs"]["column"]) for e in suite}
    planted = {f[0] for f in FEATURES} if gate == "features" else {f[1] for f in DOCUMENTS if f[0] == gate}
    assert planted == checks
    assert len(checks) == len(suite)


@pytest.mark.parametrize("gate", GATES)
def test_a_good_corpus_passes_without_a_finding(project, documents, features, gate):
    project.write_features(features)
    project.write(gate, documents)
    verdict = project.run(gate)
    assert verdict.passed and not verdict.warnings
    assert verdict.checks == len(
        json.loads((SUITES / f"{gate}.json").read_text(encoding="utf-8"))["expectations"]
    )


def test_a_language_may_be_missing_only_where_it_is_to_be_detected(project, documents):
    project.write("ingest", documents.with_columns(lang=pl.lit(None, pl.String)))
    assert not project.run("ingest").passed
    verdict = project.run("ingest", PARAMS | {"corpora": {"notes": {"lang": "detect"}}})
    assert verdict.passed and not verdict.warnings
    project.write("ingest", documents.with_columns(lang=pl.lit("english")))
    (finding,) = project.run("ingest", PARAMS | {"corpora": {"notes": {"lang": "detect"}}}).failures
    assert finding.column == "lang"


def test_dropped_copies_are_no_rejected_rows(project, documents):
    project.write("clean", documents, copies=30)
    verdict = project.run("clean")
    assert verdict.passed and not verdict.warnings
    # One of 40 rows was above the budget for a warning; one of 240 is not.
    project.write("clean", documents, rejected=1)
    assert [f.column for f in project.run("clean").warnings] == ["reject_share"]
    project.write("clean", documents, rejected=1, copies=199)
    assert not project.run("clean").warnings
