"""What the runner makes of suites: severities, budgets, order, and refusals of what it cannot evaluate."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.gates.runner import run_suite
from flows.gates.suite import Parameters
from flows.gates.verdict import Verdict
from mgm.quality.frame import Frame


def expectation(
    kind: str, severity: str = "critical", frame: str = "documents", **kwargs: Any
) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {"frame": frame}}


def run(folder: Path, *expectations: dict[str, Any], **parameters: float) -> Verdict:
    (folder / "demo.json").write_text(
        json.dumps({"name": "demo", "expectations": expectations}), encoding="utf-8"
    )
    rows = pl.DataFrame({"row": range(40), "doc_id": [f"d{i}" for i in range(40)], "n": range(40)})
    return run_suite(
        "demo",
        "notes",
        frames={"documents": Frame(rows=rows, id_column="doc_id")},
        parameters=Parameters(thresholds=parameters),
        suites=folder,
    )


def test_a_warning_goes_on_and_a_critical_failure_stops(tmp_path):
    warned = run(tmp_path, expectation("column_values_to_be_between", "warning", column="n", max_value=9))
    assert warned.passed and len(warned.warnings) == 1 and not warned.failures
    stopped = run(tmp_path, expectation("column_values_to_be_between", column="n", max_value=9))
    assert not stopped.passed and len(stopped.failures) == 1 and not stopped.warnings


def test_a_failure_leaves_out_the_warning_that_it_implies(tmp_path):
    def bound(severity: str, most: str) -> dict[str, Any]:
        return expectation(
            "column_values_to_be_between", severity, column="n", max_value={"$PARAMETER": most}
        )

    both = [bound("warning", "warn"), bound("critical", "stop")]
    assert (
        run(tmp_path, *both, warn=10, stop=50).warnings[0].threshold
        == "max_value 10 (params.yaml: gates.demo.warn)"
    )
    over = run(tmp_path, *both, warn=10, stop=20)
    assert not over.warnings and over.failures[0].threshold == "max_value 20 (params.yaml: gates.demo.stop)"


def test_a_finding_states_share_values_and_first_rows(tmp_path):
    """A finding gives the share the values and the first ten rows."""
    (finding,) = run(tmp_path, expectation("column_values_to_be_between", column="n", min_value=20)).failures
    assert finding.observed == "20 of 40 rows (50.00%): 0, 1, 2"
    assert finding.rows == [f"d{i}" for i in range(10)]


def test_rows_of_a_condition_keep_their_ids(tmp_path):
    """Rows of a condition are named as those of the whole table."""
    condition = {"type": "comparison", "column": {"name": "n"}, "operator": ">", "parameter": 35}
    where = {"column": "n", "max_value": 36, "row_condition": condition}
    (finding,) = run(tmp_path, expectation("column_values_to_be_between", **where)).failures
    assert finding.rows == ["d37", "d38", "d39"] and finding.observed == "3 of 4 rows (75.00%): 37, 38, 39"


def test_the_outcome_of_every_expectation_is_kept(tmp_path):
    """The outcome of every expectation is kept also where it held."""
    held = expectation("column_values_to_be_between", column="n", max_value={"$PARAMETER": "most"})
    partly = expectation("column_values_to_be_between", column="n", min_value=4, mostly=0.9)
    table = expectation("table_row_count_to_be_between", "warning", min_value=1)
    lost = expectation("column_values_to_be_null", "warning", column="doc_id")
    verdict = run(tmp_path, held, partly, table, lost, most=39)
    assert verdict.passed and [outcome.passed for outcome in verdict.outcomes] == [True, True, True, False]
    assert [outcome.description for outcome in verdict.outcomes] == [
        "n values must be less than or equal to 39.",
        "n values must be greater than or equal to 4, at least 90 % of the time.",
        "Must have greater than or equal to 1 rows.",
        "doc_id values must be null.",
    ]
    assert [outcome.finding.observed for outcome in verdict.outcomes] == [
        "0 of 40 rows",
        "4 of 40 rows (10.00%): 0, 1, 2",
        "value 40",
        "40 of 40 rows (100.00%): d0, d1, d2",
    ]
    assert verdict.outcomes[1].finding.rows == ["d0", "d1", "d2", "d3"]
    assert verdict.outcomes[3].finding in verdict.warnings


def test_an_expectation_without_a_sentence_has_its_name(tmp_path):
    """An expectation that great expectations has no sentence for goes by its name."""
    ranges = {"quantiles": [0.5], "value_ranges": [[10, 30]]}
    kind = "column_quantile_values_to_be_between"
    (outcome,) = run(tmp_path, expectation(kind, column="n", quantile_ranges=ranges)).outcomes
    assert outcome.passed and outcome.description == "expect column quantile values to be between"


def test_a_check_of_the_whole_table_gives_its_value(tmp_path):
    (finding,) = run(tmp_path, expectation("table_row_count_to_be_between", min_value=100)).failures
    assert finding.observed == "value 40" and finding.threshold == "min_value 100" and finding.column is None


def test_findings_stand_in_the_order_of_the_suite(tmp_path):
    kinds = ["n", "doc_id", "n"]
    verdict = run(
        tmp_path, *(expectation("column_values_to_be_null", "warning", column=column) for column in kinds)
    )
    assert [finding.column for finding in verdict.warnings] == kinds


@pytest.mark.parametrize(
    ("wrong", "expected_text"),
    [
        (
            expectation("column_values_to_be_nul", column="n"),
            "no expectation named expect_column_values_to_be_nul",
        ),
        (expectation("column_values_to_be_null", column="doc"), "did you mean 'doc_id'?"),
        (expectation("column_values_to_be_null", frame="document", column="n"), "did you mean 'documents'?"),
        (expectation("column_values_to_be_null", "critcal", column="n"), "did you mean 'critical'?"),
        (expectation("column_values_to_be_null", column="n", mosty=0.5), "mosty"),
        (
            expectation("column_values_to_be_between", column="n", max_value={"$PARAMETER": "stap"}),
            "parameter of gates.demo: 'stap' does not exist (did you mean 'stop'?)",
        ),
        (expectation("column_values_to_match_regex", column="n", regex="("), "could not be evaluated"),
    ],
    ids=["type", "column", "frame", "severity", "argument", "parameter", "regular expression"],
)
def test_a_suite_that_cannot_be_evaluated_is_refused_by_name(tmp_path, wrong, expected_text):
    with pytest.raises(ValueError) as error:
        run(tmp_path, wrong, stop=1.0)
    assert "demo.json" in str(error.value) and expected_text in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"expectations": []}', '{"expectations": [{"kwargs": {}}]}'],
    ids=["no JSON", "a list", "no expectations", "empty", "no type"],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path, text):
    (tmp_path / "demo.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"demo\.json: (not valid JSON|expected an object)"):
        run_suite("demo", "notes", frames={}, parameters=Parameters(thresholds={}), suites=tmp_path)
