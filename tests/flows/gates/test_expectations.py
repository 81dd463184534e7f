"""The project's own expectations, evaluated as a suite's JSON names them."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.gates.runner import run_suite
from flows.gates.suite import Parameters
from flows.gates.verdict import Finding, Verdict
from mgm.profiling.effect_sizes import population_stability_index
from mgm.quality.frame import Frame

TYPE = "expect_column_population_stability_index_to_be_below"
REFERENCE = [[0, 50], [10, 30], [20, 20], [40, 0]]
LIKE = [3] * 25 + [12] * 15 + [25] * 10
"""Fifty numbers distributed as the reference."""


def run(
    folder: Path, values: list[Any], severity: str = "critical", parameters: Any = None, **kwargs: Any
) -> Verdict:
    kwargs = {"column": "n", "reference": REFERENCE, "max_value": 0.1} | kwargs
    suite = {"type": TYPE, "kwargs": kwargs, "severity": severity, "meta": {"frame": "documents"}}
    (folder / "demo.json").write_text(json.dumps({"expectations": [suite]}), encoding="utf-8")
    rows = pl.DataFrame({"n": values}, strict=False).with_row_index("row")
    rows = rows.with_columns(doc_id=pl.format("d{}", "row"))
    return run_suite(
        "demo",
        "notes",
        frames={"documents": Frame(rows=rows, id_column="doc_id")},
        parameters=Parameters(thresholds=parameters or {}),
        suites=folder,
    )


def only(verdict: Verdict) -> Finding:
    (finding,) = [*verdict.failures, *verdict.warnings]
    return finding


def test_the_reference_itself_has_no_drift(tmp_path):
    verdict = run(tmp_path, LIKE, max_value=0.0)
    assert verdict.passed and not verdict.warnings


def test_a_shift_is_found_with_value_rows_and_threshold(tmp_path):
    finding = only(run(tmp_path, [3] * 10 + [25] * 40))
    expected = population_stability_index([0, 50, 30, 20, 0], [0, 10, 0, 40, 0])
    assert finding.severity == "critical" and finding.expectation == TYPE and finding.column == "n"
    assert f"{expected:.6g}" in finding.observed and "rows 50" in finding.observed
    assert "max_value 0.1" in finding.threshold
    assert only(run(tmp_path, [25] * 50, "warning")).severity == "warning"


@pytest.mark.parametrize("outside", [-1, 40, 1e9], ids=["below", "at the end", "far above"])
def test_numbers_outside_the_reference_are_drift(tmp_path, outside):
    assert not run(tmp_path, LIKE + [outside] * 25).passed


def test_too_few_rows_hold_and_say_so(tmp_path):
    assert not run(tmp_path, [25] * 5, min_rows=5).passed
    (outcome,) = run(tmp_path, [25] * 5, min_rows=6).outcomes
    assert outcome.passed and outcome.finding.observed == "value too few rows, rows 5"
    assert (
        outcome.description
        == "n population stability index must be less than or equal to 0.1, from 6 rows on."
    )


@pytest.mark.parametrize(
    "values",
    [LIKE + [None] * 50, [float(v) for v in LIKE] + [float("nan")] * 50],
    ids=["null", "NaN"],
)
def test_values_that_are_missing_do_not_count(tmp_path, values):
    (outcome,) = run(tmp_path, values, max_value=0.0).outcomes
    assert outcome.passed and outcome.finding.observed == "value 0, rows 50"


def test_a_column_without_values_has_too_few(tmp_path):
    assert run(tmp_path, [None, None]).passed


def test_reference_and_bound_may_come_from_the_settings(tmp_path):
    parameters = {"profile": REFERENCE, "most": 0.1, "least": 10}
    names = {"reference": "profile", "max_value": "most", "min_rows": "least"}
    kwargs = {key: {"$PARAMETER": name} for key, name in names.items()}
    assert run(tmp_path, LIKE, parameters=parameters, **kwargs).passed
    finding = only(run(tmp_path, [25] * 50, parameters=parameters, **kwargs))
    for key, name in names.items():
        assert f"{key} {parameters[name]} (params.yaml: gates.demo.{name})" in finding.threshold


@pytest.mark.parametrize(
    ("reference", "expected_text"),
    [
        ([], "expected counts above 0"),
        ([[0, 0]], "expected counts above 0"),
        ([[0, 1], [0, 2]], "expected increasing lower bounds, found [0, 0]"),
        ([[0, -1]], "expected a list of [lower bound, count], found [[0, -1]]"),
        ([0, 1], "expected a list of [lower bound, count], found [0, 1]"),
        ([[0, "many"]], "expected a list of [lower bound, count]"),
    ],
    ids=["empty", "no counts", "equal bounds", "negative count", "not bins", "a text"],
)
def test_what_is_no_histogram_is_refused(tmp_path, reference, expected_text):
    for given_as in (reference, {"$PARAMETER": "profile"}):
        with pytest.raises(ValueError) as error:
            run(tmp_path, LIKE, parameters={"profile": reference}, reference=given_as)
        assert "demo.json" in str(error.value) and expected_text in str(error.value)


def test_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match="could not be evaluated"):
        run(tmp_path, ["a", "b"])


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 50), min_size=1),
    st.lists(st.tuples(st.integers(-20, 70), st.integers(0, 9)), min_size=1, unique_by=lambda b: b[0]),
)
def test_every_value_counts_once_and_bins_are_half_open(values, bins):
    from flows.gates.expectations.population_stability import histogram_counts

    reference = [[bound, count] for bound, count in sorted(bins)]
    reference[0][1] += 1
    observed = histogram_counts(np.array(values, dtype=np.float64), reference)
    bounds = [-np.inf, *(bound for bound, _ in reference), np.inf]
    assert observed == [sum(low <= v < high for v in values) for low, high in pairwise(bounds)]
