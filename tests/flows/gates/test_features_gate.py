"""Every check of the gate after features, by planting its fault: exactly that check fires, at its severity."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.gates.suite import SUITES
from flows.gates.verdict import Verdict
from mgm.files import write_json
from mgm.profiling.layout import Profile
from mgm.tasks import TaskColumns
from tests.flows.gates.conftest import PARAMS, Features, profile_of
from tests.flows.gates.test_suites import BETWEEN, NOT_NULL, NULL, Check, split, without

MANY = 25
"""Times the forty documents, so that drift is judged: 750 documents of training."""


def corpora(*, role: str = "", **change: Any) -> Callable[[Features], Features]:
    """Return the change of columns; with a role, of these columns of the tasks."""
    columns = {TaskColumns(name).of(role) if role else name: column for name, column in change.items()}
    return lambda features: replace(features, documents=features.documents.with_columns(**columns))


def ids(*known: int) -> Callable[[Features], Features]:
    return lambda f: replace(f, types=f.types.with_columns(id=pl.Series(known, dtype=pl.Int32)))


def unlabelled(column: str, where: pl.Expr) -> pl.Expr:
    return pl.when(~where).then(pl.col(column))


def many(features: Features) -> Features:
    return replace(features, documents=pl.concat([features.documents] * MANY))


def write_champion(profile: Profile) -> None:
    """Makes a champion with this profile of the corpus."""
    write_json(Path("models/champion.json"), {"bundle": "abc", "promoted_at": ""})
    write_json(Path("models/store/abc/profile.json"), {"corpora": {"notes": profile}})


def findings(verdict: Verdict) -> list[Any]:
    return [*verdict.failures, *verdict.warnings]


def leak(precision: float, recall: float) -> Callable[[Features], Features]:
    row = {"task": "topic", "label": "food", "word": "eat", "precision": precision, "recall": recall, "n": 60}
    return lambda f: replace(f, leaks=[row])


def move_terms(num_documents: int) -> Callable[[Features], Features]:
    """Moves the spans of the first documents, of which 32 have one, to the character before."""
    moved = pl.col("label:terms").list.eval(
        pl.struct(
            *(pl.element().struct.field(name) - 1 for name in ("start", "end")),
            pl.element().struct.field("label"),
        )
    )
    is_first = pl.col("label:terms").is_not_null().cum_sum() <= num_documents
    return corpora(role="label", terms=pl.when(is_first).then(moved).otherwise("label:terms"))


MOSTLY_FOOD = corpora(
    role="label", topic=pl.when(pl.col("doc_id") != "d2").then(pl.lit("food")).otherwise("label:topic")
)

FEATURES: list[tuple[Check, Callable[[Features], Features], str]] = [
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
        corpora(role="label_ids", rating=unlabelled("label_ids:rating", split("train"))),
        "rating",
    ),
    (
        ("warning", BETWEEN, "unseen_share"),
        corpora(
            role="label_ids",
            topic=pl.when(split("test")).then(pl.lit(-1, pl.Int32)).otherwise("label_ids:topic"),
        ),
        "topic",
    ),
    (("warning", NULL, "largest_class"), MOSTLY_FOOD, "topic"),
    (("warning", NULL, "misplaced_spans_warned"), move_terms(2), "terms"),
    (("critical", NULL, "misplaced_spans_stopped"), move_terms(32), "terms"),
    (("warning", NULL, "leak"), leak(0.98, 0.71), "topic: food: eat"),
]


@pytest.mark.parametrize("fault", FEATURES, ids=lambda f: f"{f[0][2]}-{f[0][0]}")
def test_a_planted_fault_fires_its_check_alone(project, features, fault):
    check, plant, shown = fault
    project.write_features(plant(features))
    verdict = project.run("features")
    (finding,) = findings(verdict)
    assert (finding.severity, finding.expectation, finding.column) == check
    assert verdict.passed == (check[0] == "warning")
    assert not shown or shown in finding.rows + finding.examples
    for part in ("features.json", check[1], check[2], finding.observed, finding.threshold, shown):
        assert part in str(finding)


# What the champion knew, a change of it, at which severity of gates.drift.training.
DRIFTED: list[tuple[Check, str, Callable[[Profile], Profile], str]] = [
    (("warning", NOT_NULL, "compared_with"), "warn", lambda p: p | {"version": 0}, ""),
    (
        ("warning", NULL, "labels_vanished"),
        "warn",
        lambda p: with_labels(p, "topic", {"snack": 1}),
        "1 of the champion's labels, expected none: snack",
    ),
    (
        ("warning", NULL, "drifted"),
        "warn",
        lambda p: p | {"languages": {"n": 750, "counts": {"en": 700, "zh": 50}}},
        "above 0.25: en 93.3% -> 50.0%, zh 6.7% -> 50.0%",
    ),
    (
        ("critical", NULL, "drifted_far"),
        "stop",
        lambda p: p | {"languages": {"n": 750, "counts": {"en": 700, "zh": 50}}},
        "above 0.25: en 93.3% -> 50.0%, zh 6.7% -> 50.0%",
    ),
]


def with_labels(profile: Profile, task: str, more: dict[str, int]) -> Profile:
    own = profile["tasks"][task]
    labels = own["labels"] | {"counts": own["labels"]["counts"] | more}
    return profile | {"tasks": profile["tasks"] | {task: own | {"labels": labels}}}


@pytest.mark.parametrize("fault", DRIFTED, ids=lambda f: f"{f[0][2]}-{f[0][0]}")
def test_a_difference_to_the_champion_fires_its_check(project, features, fault):
    """What differs from the champion fires its check and no other."""
    check, training, change, expected_text = fault
    features = many(features)
    project.write_features(features)
    write_champion(change(profile_of(features)))
    verdict = project.run("features", PARAMS | {"gates": {"drift": {"training": training}}})
    (finding,) = findings(verdict)
    assert (finding.severity, finding.expectation, finding.column) == check
    assert verdict.passed == (check[0] == "warning")
    for part in ("features.json", check[1], check[2], expected_text):
        assert part in str(finding)


def test_drift_names_corpus_aspect_value_numbers_and_threshold(project, features):
    features = many(features)
    project.write_features(features)
    write_champion(profile_of(features) | {"languages": {"n": 9750, "counts": {"en": 9000, "zh": 750}}})
    (finding,) = findings(project.run("features"))
    assert finding.rows[0] == "notes: languages psi"
    assert "notes: languages: psi 1." in finding.observed
    assert "n 750 against 9750) above 0.25: en 92.3% -> 50.0%" in finding.observed


def test_the_same_data_as_the_champions_is_no_finding(project, features):
    """The same data as the champions and a little less of it is no finding."""
    for times in (1, MANY):
        project.write_features(replace(features, documents=pl.concat([features.documents] * times)))
        write_champion(profile_of(many(features)))
        verdict = project.run("features")
        # One thirtieth of the documents, with all that hangs on their number, is one finding.
        assert [f.column for f in findings(verdict)] == (["drifted"] if times == 1 else [])
        assert verdict.passed
        (compared,) = [o for o in verdict.outcomes if o.finding.column == "compared_with"]
        assert compared.finding.observed == "the champion's profile"


def test_far_fewer_documents_than_the_champions_are_drift(project, features):
    """Far fewer documents than the champion had are drift however few they are."""
    project.write_features(features)
    write_champion(profile_of(many(features)))
    (finding,) = findings(project.run("features"))
    assert finding.rows == ["notes: rows ratio"]
    assert "notes: rows: ratio 0.04 (n 30 against 750) beyond 1:3.0: 750 -> 30" in finding.observed


def test_without_a_champion_nothing_is_compared(project, features):
    """Without a champion nothing is compared and the verdict says so."""
    project.write_features(features)
    verdict = project.run("features")
    assert verdict.passed and not verdict.warnings
    (compared,) = [o for o in verdict.outcomes if o.finding.column == "compared_with"]
    assert compared.passed and compared.finding.observed == "nothing: there is no champion"
    suite = json.loads((SUITES / "features.json").read_text(encoding="utf-8"))["expectations"]
    assert verdict.num_checks == len(suite)


def test_a_corpus_that_the_champion_does_not_know_is_named(project, features):
    project.write_features(features)
    write_champion(profile_of(features))
    profiles = {"corpora": {"letters": profile_of(features)}}
    write_json(Path("models/store/abc/profile.json"), profiles)
    verdict = project.run("features")
    (compared,) = [o for o in verdict.outcomes if o.finding.column == "compared_with"]
    assert compared.finding.observed == "the champion's profile, which lacks notes"
    assert not findings(verdict)


def test_a_task_that_is_of_another_kind_by_now_is_not_compared(project, features):
    features = many(features)
    project.write_features(features)
    profile = profile_of(features)
    numbers = {"kind": "regression", "rows": 750, "labelled": 600}
    write_champion(profile | {"tasks": profile["tasks"] | {"topic": numbers}})
    assert not findings(project.run("features"))


def test_leaks_are_judged_by_the_thresholds_of_their_task(project, features):
    project.write_features(leak(0.95, 0.5)(features))
    (finding,) = findings(project.run("features"))
    assert (
        "topic: the word 'eat' predicts 'food' with precision 0.950 (threshold 0.95) and recall 0.500 "
        "(threshold 0.5) on 60 training documents"
    ) in finding.observed
    for stricter in ({"leak_precision": 0.96}, {"leak_recall": 0.51}):
        assert not findings(project.run("features", PARAMS | {"gates": {"tasks": {"topic": stricter}}}))


def test_every_check_of_the_suite_has_its_planted_fault():
    suite = json.loads((SUITES / "features.json").read_text(encoding="utf-8"))["expectations"]
    checks = {(e["severity"], e["type"], e["kwargs"]["column"]) for e in suite}
    assert {f[0] for f in [*FEATURES, *DRIFTED]} == checks
    assert len(checks) == len(suite)
