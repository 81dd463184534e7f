from typing import Any

import pytest

from mgm.evaluation.verdict import Check, floor_checks, judge, smoke_checks
from mgm.settings.evaluation import VerdictSettings

METRICS: dict[str, dict[str, Any]] = {
    "mood": {"kind": "classification", "macro_f1": 0.65, "low": 0.5, "high": 0.7, "n": 5}
}
MEASURED = {"documents": 8, "problems": [], "p50_ms": 2.5, "p95_ms": 4.0, "peak_mib": 900.0}


def test_a_candidate_above_its_floors_passes() -> None:
    (check,) = floor_checks(METRICS, floors={"mood": 0.6}, active=["mood"])
    why = "mood: test macro_f1 0.6500 meets its floor 0.6"
    assert check == Check(
        check="floor",
        passed=True,
        why=why,
        task="mood",
        metric="macro_f1",
        value=0.65,
        limit=0.6,
        low=0.5,
        high=0.7,
        n=5,
    )
    (unasked,) = floor_checks(METRICS, floors={}, active=["mood"])
    assert unasked.passed
    assert "no floor" in unasked.why


@pytest.mark.parametrize(
    ("metrics", "floors", "reason"),
    [
        (METRICS, {"mood": 0.7}, "mood: test macro_f1 0.6500 is below its floor 0.7"),
        (METRICS, {"tone": 0.1}, "tone: floor 0.1, but the task was not evaluated"),
        ({"mood": METRICS["mood"] | {"macro_f1": None}}, {"mood": 0.1}, "has no value"),
        ({}, {}, "no task was evaluated"),
    ],
    ids=["below", "not evaluated", "no value", "no task"],
)
def test_a_candidate_below_a_floor_or_unmeasured_fails(
    metrics: dict[str, dict[str, Any]], floors: dict[str, float], reason: str
) -> None:
    assert [
        check
        for check in floor_checks(metrics, floors=floors, active=["mood", "tone"])
        if not check.passed and reason in check.why
    ]


def test_the_floor_of_a_task_that_is_off_does_not_apply() -> None:
    check, _ = floor_checks(METRICS, floors={"colour": 0.9, "mood": 0.6}, active=["mood"])
    assert check.passed
    assert check.why == "colour: its floor does not apply: the task is off"


def test_one_failed_check_refuses_and_is_the_reason() -> None:
    checks = [
        Check(check="floor", passed=True, why="fine"),
        Check(check="smoke", passed=False, why="broken"),
        Check(check="latency", passed=False, why="slow"),
    ]
    content = judge("abc", "def", checks=checks, measured=MEASURED)
    assert (content["verdict"], content["bundle"], content["champion"]) == ("refused", "abc", "def")
    assert content["reasons"] == ["broken", "slow"]
    assert [check["why"] for check in content["checks"]] == ["fine", "broken", "slow"]
    assert "fits" not in content
    assert judge("abc", "def", checks=checks, measured=MEASURED, fits="Two.")["fits"] == "Two."
    approved = judge("abc", None, checks=checks[:1], measured=MEASURED)
    assert (approved["verdict"], approved["reasons"]) == ("approved", ["fine"])


def smoke_result(measured: dict[str, Any], **limits: float) -> list[tuple[str, bool, float | None]]:
    checks = smoke_checks(measured, VerdictSettings.model_validate(limits))
    return [(check.check, check.passed, check.value) for check in checks]


def test_limits_are_judged_where_they_are_set() -> None:
    passed = ("smoke", True, None)
    assert smoke_result(MEASURED) == [passed]
    assert smoke_result(MEASURED, max_ms_per_document=2.5, max_memory_mib=900) == [
        passed,
        ("latency", True, 2.5),
        ("memory", True, 900.0),
    ]
    assert smoke_result(MEASURED, max_ms_per_document=2.4) == [passed, ("latency", False, 2.5)]
    assert smoke_result(MEASURED, max_memory_mib=899) == [passed, ("memory", False, 900.0)]


def test_what_cannot_be_measured_meets_no_limit() -> None:
    assert smoke_result(MEASURED | {"peak_mib": None}, max_memory_mib=900)[1] == ("memory", False, None)


def test_each_problem_of_the_smoke_batch_is_a_reason() -> None:
    measured = {"documents": 8, "problems": ["no score", "no column"], "p50_ms": None, "peak_mib": None}
    checks = smoke_checks(measured, VerdictSettings(max_ms_per_document=1))
    assert [check.why for check in checks] == ["smoke batch: no score", "smoke batch: no column"]
    assert not any(check.passed for check in checks)
