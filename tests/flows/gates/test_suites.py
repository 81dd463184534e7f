"""Every check of every suite, by planting its fault in a good corpus: exactly that check fires, at its severity."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.gates.gate import TABLES
from flows.gates.runner import run_suite
from flows.gates.suite import SUITES
from mgm.corpus.parts import PartsWriter
from tests.flows.gates.conftest import KINDS, PARAMS, good_documents
from tests.label_columns import with_label_columns

BETWEEN = "expect_column_values_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
NULL = "expect_column_values_to_be_null"
IN_SET = "expect_column_values_to_be_in_set"
UNIQUE = "expect_column_values_to_be_unique"
PSI = "expect_column_population_stability_index_to_be_below"

Check = tuple[str, str, str]
"""Severity, expectation, column."""
Frame = pl.DataFrame

SHAPE = ("critical", NULL, "schema_fault")


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


def also_says(text: pl.Expr | str, where: pl.Expr) -> Callable[[Frame], Frame]:
    """Adds to the texts of the rows `where`."""
    return lambda f: f.with_columns(text=pl.when(where).then(pl.col("text") + text).otherwise("text"))


def only_topic_of(*doc_ids: str) -> Callable[[Frame], Frame]:
    return rows("topic", None, split("train") & ~pl.col("doc_id").is_in(doc_ids))


def same(frame: Frame) -> Frame:
    return frame


@dataclass(frozen=True)
class Fault:
    """What is planted in the good corpus of a gate, and the one check that must fire.

    shown: an id that the message must name. rejected, copies: so many rows. stages: what a stage's statistics say.
    gates: thresholds of params.yaml. champion: the documents it was trained on, in tens. tens: of the corpus.
    """

    gate: str
    check: Check
    plant: Callable[[Frame], Frame] = same
    shown: str = ""
    rejected: int = 0
    copies: int = 0
    stages: dict[str, Any] | None = None
    gates: dict[str, Any] = field(default_factory=dict)
    champion: int = 0
    tens: int = 4

    def __str__(self) -> str:
        return f"{self.gate}-{self.check[2]}-{self.check[0]}"


number = pl.col("doc_id").str.slice(1).cast(pl.Int64)
labelled = pl.col("topic").is_not_null()


def topic(**thresholds: float) -> dict[str, Any]:
    return {"tasks": {"topic": thresholds}}


def copied(**change: Any) -> dict[str, Any]:
    return {"deduplicate": change}


def across(kind: str, *doc_ids: str) -> dict[str, Any]:
    """Statistics of deduplication where these held-out documents have a copy in train."""
    n, ids = {"exact": 0, "near": 0} | {kind: len(doc_ids)}, {"exact": [], "near": []} | {kind: [*doc_ids]}
    return copied(split_overlap=n, split_overlap_ids=ids)


def differing(n: int) -> dict[str, Any]:
    example = {"task": "topic", "doc_ids": ["d1", "d2"], "labels": ["food", "drink"]}
    return copied(conflicts={"topic": n}, examples=[example])


# What d1 says: "Note 1 is about tea."
COMMON: list[tuple[Check, dict[str, Any]]] = [
    (("critical", BETWEEN, "rows"), {"plant": lambda frame: frame.clear()}),
    (("warning", BETWEEN, "reject_share"), {"rejected": 1, "shown": "r0 (text_too_short)"}),
    (("critical", BETWEEN, "reject_share"), {"rejected": 10, "shown": "r9 (text_too_short)"}),
    (("critical", BETWEEN, "rows_ratio"), {"champion": 10}),
    (("critical", BETWEEN, "train_rows"), {"plant": without("train")}),
    (("warning", BETWEEN, "valid_rows"), {"plant": without("valid")}),
    (("warning", BETWEEN, "test_rows"), {"plant": without("test")}),
    (("critical", UNIQUE, "doc_id"), {"plant": rows("doc_id", "d2"), "shown": "d2"}),
    (("critical", NOT_NULL, "text_characters"), {"plant": rows("text", None), "shown": "d1"}),
    (("critical", BETWEEN, "group_splits"), {"plant": rows("group", "g39"), "shown": "d39"}),
    (
        ("critical", BETWEEN, "train_labelled"),
        {"plant": rows("title", None, split("train")), "shown": "title"},
    ),
]
INGEST: list[tuple[Check, dict[str, Any]]] = [
    (
        ("warning", NULL, "split_column_unused"),
        {"stages": {"ingest": {"split_column_unused": "its values are 'a', 'b'"}}},
    ),
    (("critical", NOT_NULL, "doc_id"), {"plant": rows("doc_id", None), "shown": "row 1"}),
    (("critical", NULL, "lang_missing"), {"plant": rows("lang", None), "shown": "d1"}),
    (("critical", IN_SET, "lang"), {"plant": rows("lang", "english"), "shown": "d1"}),
    (("critical", NOT_NULL, "split"), {"plant": rows("split", None), "shown": "d1"}),
    (("critical", IN_SET, "split"), {"plant": rows("split", "dev"), "shown": "d1"}),
    (
        ("warning", BETWEEN, "short_share"),
        {"plant": rows("text", "茶", pl.col("doc_id").is_in(["d0", "d5", "d10"])), "shown": "d10"},
    ),
    (
        ("critical", BETWEEN, "short_share"),
        {
            "plant": rows("text", "茶", pl.col("doc_id") == "d0"),
            "shown": "d0",
            "gates": {"ingest": {"short_stop": 0.02}},
        },
    ),
    (("warning", BETWEEN, "long_share"), {"plant": also_says("!" * 20_000, number == 7), "shown": "d7"}),
    (
        ("critical", BETWEEN, "long_share"),
        {
            "plant": also_says("!" * 20_000, number == 7),
            "shown": "d7",
            "gates": {"ingest": {"long_stop": 0.02}},
        },
    ),
    (("critical", NULL, "label_invalid"), {"plant": rows("topic", " "), "shown": "d1"}),
    (("critical", NULL, "label_invalid"), {"plant": rows("title", ""), "shown": "d1"}),
    (("critical", NULL, "label_invalid"), {"plant": rows("themes", ["leaf", " "]), "shown": "d1"}),
    (("critical", NULL, "label_invalid"), {"plant": rows("rating", float("nan")), "shown": "d1"}),
    (("critical", NULL, "span_outside"), {"plant": rows("terms", span(16, 21)), "shown": "d1"}),
    (("critical", NULL, "span_outside"), {"plant": rows("terms", span(-1, 3)), "shown": "d1"}),
    (("critical", NULL, "span_outside"), {"plant": rows("terms", span(3, 3)), "shown": "d1"}),
    (
        ("critical", NULL, "span_outside"),
        {"plant": rows("terms", [{"end": 2, "label": "plant"}]), "shown": "d1"},
    ),
    (("warning", NULL, "span_blank_ends"), {"plant": rows("terms", span(15, 19)), "shown": "d1"}),
    (("warning", NULL, "span_overlap"), {"plant": rows("terms", span(0, 6) + span(5, 9)), "shown": "d1"}),
    (
        ("warning", BETWEEN, "valid_labelled"),
        {"plant": rows("rating", None, split("valid")), "shown": "rating"},
    ),
    (
        ("warning", BETWEEN, "test_labelled"),
        {"plant": rows("rating", None, split("test")), "shown": "rating"},
    ),
    (
        ("critical", BETWEEN, "train_labels"),
        {
            "plant": rows("themes", [], split("train")),
            "shown": "themes",
            "gates": {"tasks": {"themes": {"empty_warn": 1}}},
        },
    ),
    (
        ("critical", BETWEEN, "train_values"),
        {"plant": rows("topic", "food", split("train")), "shown": "topic"},
    ),
    (
        ("critical", BETWEEN, "train_values"),
        {"plant": rows("rating", 1.5, split("train")), "shown": "rating"},
    ),
    (
        ("warning", NULL, "labelled_low_warned"),
        {"plant": only_topic_of("d1", "d2"), "shown": "topic", "tens": 100},
    ),
    (
        ("critical", NULL, "labelled_low_stopped"),
        {"plant": only_topic_of("d1", "d2"), "shown": "topic", "gates": topic(labelled_stop=0.1)},
    ),
    (
        ("warning", NULL, "empty_lists_warned"),
        {"plant": rows("themes", [], labelled & (number > 2)), "shown": "d3 (themes)"},
    ),
    (
        ("critical", NULL, "empty_lists_stopped"),
        {
            "plant": rows("themes", [], labelled & (number > 2)),
            "shown": "d3 (themes)",
            "gates": {"tasks": {"themes": {"empty_stop": 0.9}}},
        },
    ),
    (
        ("warning", NULL, "many_labels_warned"),
        {"plant": lambda f: f.with_columns(topic="doc_id"), "shown": "topic", "gates": topic(labels_warn=20)},
    ),
    (
        ("critical", NULL, "many_labels_stopped"),
        {"plant": lambda f: f.with_columns(topic="doc_id"), "shown": "topic", "gates": topic(labels_stop=20)},
    ),
    (("warning", NULL, "labels_alike"), {"plant": rows("topic", "Drink "), "shown": "d1 (topic)"}),
    (("warning", NULL, "labels_alike"), {"plant": rows("topic", "f\u200bood"), "shown": "d1 (topic)"}),
    (
        ("warning", NULL, "largest_class"),
        {"plant": rows("topic", "food", labelled & (number != 2)), "shown": "topic"},
    ),
]
CLEAN: list[tuple[Check, dict[str, Any]]] = [
    (("critical", BETWEEN, "text_characters"), {"plant": rows("text", ""), "shown": "d1"}),
    (("critical", IN_SET, "text_blank"), {"plant": rows("text", " \n"), "shown": "d1"}),
    (
        ("warning", NULL, "duplicate_of"),
        {"plant": rows("text", "The same.", pl.col("doc_id") < "d16"), "shown": "d10"},
    ),
    (
        ("warning", NULL, "text_also_in"),
        {"plant": rows("text", "note 1  IS about tea.", split("test")), "shown": "d34"},
    ),
    (("warning", BETWEEN, "rows_ratio"), {"champion": 5}),
    (("warning", BETWEEN, "rows_ratio"), {"champion": 2}),
    (("warning", BETWEEN, "copies_share"), {"copies": 20, "shown": "r0 (exact_duplicate)"}),
    (("critical", BETWEEN, "copies_share"), {"copies": 200, "shown": "r9 (exact_duplicate)"}),
    (
        ("warning", NULL, "labelled_copies_warned"),
        {
            "stages": copied(labelled_copies={"train": 0, "valid": 0, "test": 1}),
            "copies": 1,
            "shown": "r0 (exact_duplicate)",
        },
    ),
    (("warning", BETWEEN, "split_overlap_exact_share"), {"stages": across("exact", "d39"), "shown": "d39"}),
    (
        ("critical", BETWEEN, "split_overlap_exact_share"),
        {"stages": across("exact", "d38", "d39"), "shown": "d38"},
    ),
    (("warning", BETWEEN, "split_overlap_near_share"), {"stages": across("near", "d39"), "shown": "d39"}),
    (
        ("critical", BETWEEN, "split_overlap_near_share"),
        {"stages": across("near", "d38", "d39"), "shown": "d38"},
    ),
    (
        ("warning", BETWEEN, "mixed_or_other_share"),
        {"plant": rows("lang", "mixed", number > 27), "shown": "d28"},
    ),
    (("warning", BETWEEN, "language_disagrees_share"), {"stages": {"clean": {"language_disagrees": 12}}}),
    (("critical", BETWEEN, "language_disagrees_share"), {"stages": {"clean": {"language_disagrees": 24}}}),
    (
        ("warning", NULL, "language_mix_warned"),
        {"plant": rows("lang", "en", number % 50 < 18), "champion": 100, "tens": 100},
    ),
    (
        ("critical", NULL, "language_mix_stopped"),
        {"plant": rows("lang", "en", number > 0), "champion": 100, "tens": 100},
    ),
    (
        ("warning", PSI, "raw_characters"),
        {
            "plant": also_says("，也说的是水和山。", (number % 2 == 0) & (number % 50 < 20)),
            "champion": 100,
            "tens": 100,
        },
    ),
    (
        ("critical", PSI, "raw_characters"),
        {
            "plant": also_says("，也说的是水和山。", number % 2 == 0),
            "champion": 100,
            "tens": 100,
        },
    ),
    (
        ("warning", NULL, "unseen_labels_warned"),
        {"plant": rows("topic", "tool", number == 39), "shown": "d39 (topic)"},
    ),
    (
        ("critical", NULL, "unseen_labels_stopped"),
        {"plant": rows("topic", "tool", number > 29), "shown": "d30 (topic)"},
    ),
    (
        ("warning", NULL, "missing_held_out"),
        {
            "plant": rows("topic", "food", number > 29),
            "shown": "d2 (topic)",
            "gates": topic(held_out_min_count=9),
        },
    ),
    (
        ("warning", NULL, "split_mix"),
        {"plant": rows("topic", "food", split("test") & (number % 10 > 2)), "shown": "topic", "tens": 100},
    ),
    (("warning", NULL, "conflicts_warned"), {"stages": differing(2), "shown": "d1=d2 (topic)"}),
    (("critical", NULL, "conflicts_stopped"), {"stages": differing(9), "shown": "d1=d2 (topic)"}),
    (
        ("warning", NULL, "target_in_source_warned"),
        {"plant": also_says(pl.lit("\n# ") + pl.col("title"), number == 1), "shown": "d1 (title)"},
    ),
    (
        ("critical", NULL, "target_in_source_stopped"),
        {
            "plant": also_says(pl.lit("\n") + pl.col("title").str.to_uppercase() + " \n\nTea.", labelled),
            "shown": "d1 (title)",
        },
    ),
]
PLANTED = {"ingest": [*COMMON, *INGEST], "clean": [*COMMON, *CLEAN]}
DOCUMENTS = [Fault(gate, check, **fault) for gate, faults in PLANTED.items() for check, fault in faults]


@pytest.mark.parametrize("fault", DOCUMENTS, ids=str)
def test_a_planted_fault_fires_its_check_alone(project, fault):
    severity, expectation, column = fault.check
    if fault.champion:
        project.write_champion(good_documents(fault.champion))
    documents = fault.plant(good_documents(fault.tens))
    project.write(fault.gate, documents, fault.rejected, copies=fault.copies, stages=fault.stages)
    verdict = project.run(fault.gate, PARAMS | {"gates": fault.gates})
    fired = {(f.severity, f.expectation, f.column) for f in [*verdict.failures, *verdict.warnings]}
    assert fired - IMPLIED.get(column, set()) == {fault.check}
    assert verdict.passed == (severity == "warning")
    (finding,) = [f for f in [*verdict.failures, *verdict.warnings] if f.column == column]
    assert finding.suite == f"{fault.gate}.json" and finding.corpus == "notes"
    assert finding.observed and finding.threshold
    assert len(finding.rows) <= 10 and len(finding.examples) <= 10
    if fault.shown:
        assert fault.shown in finding.rows + finding.examples
    if column.endswith(("_warned", "_stopped")) or column in (
        "largest_class",
        "missing_held_out",
        "split_mix",
    ):
        assert "(params.yaml: gates." in finding.observed
    for part in (
        finding.suite,
        "notes",
        expectation,
        column,
        finding.observed,
        finding.threshold,
        fault.shown,
    ):
        assert part in str(finding)


@pytest.mark.parametrize("gate", ["ingest", "clean"])
@pytest.mark.parametrize(
    ("change", "expected_text"),
    [
        (lambda f: f.drop("topic"), "part-00000.parquet: column 'label:topic': no such column"),
        (
            lambda f: f.with_columns(lang=pl.lit(1)),
            "part-00000.parquet: column 'lang': Int32, expected String",
        ),
        (lambda f: f.drop("text").rename({"title": "txt"}), "no such column (did you mean 'txt'?)"),
    ],
    ids=["without a task", "another type", "a renamed column"],
)
def test_a_table_of_another_shape_is_the_only_finding(project, documents, gate, change, expected_text):
    """A table of another shape is a finding and nothing else is judged."""
    project.write(gate, documents, rejected=20)
    folder = "documents" if gate == "ingest" else "unique"
    table = with_label_columns(change(documents), KINDS)
    with PartsWriter(Path("data", folder, "notes"), table.schema) as out:
        out.write(table)
    verdict = project.run(gate)
    (finding,) = verdict.failures
    assert (finding.severity, finding.expectation, finding.column) == SHAPE and not verdict.warnings
    assert expected_text in finding.observed and set(finding.rows) <= {
        "label:topic",
        "lang",
        "text",
        "label:title",
    }


# An empty text is also blank. Six documents of forty with a text of train are also six repeats.
IMPLIED: dict[str, set[Check]] = {
    "text_characters": {("critical", IN_SET, "text_blank")},
    "text_also_in": {("warning", NULL, "duplicate_of")},
}


@pytest.mark.parametrize("gate", TABLES)
def test_every_check_of_a_suite_has_its_planted_fault(gate):
    suite = json.loads((SUITES / f"{gate}.json").read_text(encoding="utf-8"))["expectations"]
    checks = {(e["severity"], e["type"], e["kwargs"]["column"]) for e in suite}
    assert {fault.check for fault in DOCUMENTS if fault.gate == gate} | {SHAPE} == checks
    assert len(checks) == len(suite)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(TABLES)), st.integers(3, 12), st.integers(1, 4), st.booleans(), st.randoms())
def test_a_good_corpus_passes_without_a_finding(project, gate, tens, parts, champion, random):
    documents = good_documents(tens)
    order = random.sample(range(documents.height), documents.height)
    shutil.rmtree("models", ignore_errors=True)
    if champion:
        project.write_champion(documents)
    project.write(gate, documents[order], parts=parts)
    verdict = project.run(gate)
    assert verdict.passed and not verdict.warnings
    assert verdict.num_checks == len(
        json.loads((SUITES / f"{gate}.json").read_text(encoding="utf-8"))["expectations"]
    )


def test_a_check_on_an_existing_column_is_a_line_of_its_suite(project, documents, tmp_path, monkeypatch):
    suite = json.loads((SUITES / "ingest.json").read_text(encoding="utf-8"))
    check = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "text_characters", "max_value": 5},
    }
    suite["expectations"].append(check | {"severity": "warning", "meta": {"frame": "documents"}})
    (tmp_path / "ingest.json").write_text(json.dumps(suite), encoding="utf-8")
    project.write("ingest", documents)
    monkeypatch.setattr("flows.gates.gate.run_suite", partial(run_suite, suites=tmp_path))
    verdict = project.run("ingest")
    (finding,) = verdict.warnings
    assert verdict.passed and (finding.column, finding.threshold) == ("text_characters", "max_value 5")


def test_copies_that_were_not_counted_are_not_judged(project, documents):
    statistics = {"deduplicate": {"split_overlap": {}, "split_overlap_ids": {}}}
    project.write("clean", documents, stages=statistics)
    verdict = project.run("clean")
    observed = {o.finding.column: o.finding.observed for o in verdict.outcomes}
    assert not verdict.warnings and observed["split_overlap_near_share"] == "null"


def test_a_threshold_of_one_task_changes_no_other(project, documents):
    project.write(
        "ingest", documents.with_columns(topic=pl.lit("drink"), themes=pl.lit([], pl.List(pl.String)))
    )
    gates = {"tasks": {"topic": {"labels_warn": 1}, "themes": {"empty_warn": 1.0}}}
    assert not {f.column for f in project.run("ingest", PARAMS | {"gates": gates}).warnings}
    assert {f.column for f in project.run("ingest").warnings} == {"empty_lists_warned"}


def test_a_language_may_be_missing_if_it_is_detected_later(project, documents):
    """A language may be missing only where it is to be detected."""
    project.write("ingest", documents.with_columns(lang=pl.lit(None, pl.String)))
    assert not project.run("ingest").passed
    verdict = project.run("ingest", PARAMS | {"corpora": {"notes": {"lang": "detect"}}})
    assert verdict.passed and not verdict.warnings
    project.write("ingest", documents.with_columns(lang=pl.lit("english")))
    (finding,) = project.run("ingest", PARAMS | {"corpora": {"notes": {"lang": "detect"}}}).failures
    assert finding.column == "lang"


def test_dropped_copies_are_no_rejected_rows(project, documents):
    project.write("clean", documents, copies=10)
    verdict = project.run("clean")
    assert verdict.passed and not verdict.warnings
    # One of 41 rows was above the budget for a warning; one of 200 is not, of which most are copies.
    project.write("clean", documents, rejected=1)
    assert [f.column for f in project.run("clean").warnings] == ["reject_share"]
    project.write("clean", documents, rejected=1, copies=159)
    assert [f.column for f in project.run("clean").warnings] == ["copies_share"]
