"""A table in blocks gets the verdict of the same table in one: counts, shares, values and rows, wherever a block ends."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.gates.runner import run_suite
from flows.gates.suite import Parameters
from flows.gates.verdict import Verdict
from mgm.quality.frame import Frame
from mgm.quality.spilled_rows import SpilledRows
from tests.flows.gates.test_runner import expectation

ROWS = pl.DataFrame(
    {
        "doc_id": ["d0", "茶", "d2", "d3", "茶", None, "d6", None, "d8", "d9", "d10", "茶"],
        "n": [0, 1, 2, 3, 4, 5, None, 7, 8, 9, 10, 11],
        "m": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12],
        "k": range(12),
        "split": ["train", "test"] * 6,
    }
)
IN_TEST = {"type": "comparison", "column": {"name": "split"}, "operator": "==", "parameter": "test"}
REFERENCE = [[0, 4], [3, 4], [6, 4], [9, 0]]
PSI = "column_population_stability_index_to_be_below"
EXPECTATIONS = [
    expectation("column_values_to_not_be_null", column="doc_id"),
    expectation("column_values_to_not_be_null", column="doc_id", mostly=10 / 12),
    expectation("column_values_to_not_be_null", column="doc_id", mostly=0.84),
    expectation("column_values_to_be_between", column="n", min_value=3),
    # 3 of 11 values are wrong, all of them in the first block
    expectation("column_values_to_be_between", column="n", min_value=3, mostly=8 / 11),
    expectation("column_values_to_be_between", column="n", min_value=3, mostly=0.73),
    expectation("column_values_to_be_between", column="n", max_value=8, row_condition=IN_TEST),
    expectation("column_pair_values_to_be_equal", column_A="k", column_B="m"),
    expectation("column_values_to_be_unique", column="doc_id"),
    expectation("column_values_to_be_unique", column="doc_id", mostly=0.7),
    expectation("column_values_to_be_unique", column="n"),
    expectation("column_values_to_be_unique", column="doc_id", row_condition=IN_TEST),
    expectation("compound_columns_to_be_unique", column_list=["doc_id", "split"]),
    expectation("column_mean_to_be_between", column="n", max_value=5),
    expectation("table_row_count_to_be_between", max_value=11),
    expectation(PSI, column="n", reference=REFERENCE, max_value=0.1),
    expectation(PSI, column="n", reference=REFERENCE, max_value=9.0),
]


def run(folder: Path, rows: Any, *expectations: dict[str, Any]) -> Verdict:
    (folder / "demo.json").write_text(json.dumps({"expectations": expectations}), encoding="utf-8")
    frames = {"documents": Frame(rows=rows, id_column="doc_id")}
    return run_suite("demo", "notes", frames=frames, parameters=Parameters(thresholds={}), suites=folder)


def spilled(rows: pl.DataFrame, block_rows: int) -> SpilledRows:
    """The rows in blocks, added in frames that end elsewhere."""
    result = SpilledRows(rows.schema, block_rows=block_rows)
    for frame in rows.iter_slices(3):
        result.add(frame)
    return result


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    return run(tmp_path_factory.mktemp("whole"), ROWS, *EXPECTATIONS)


def test_the_faults_of_these_tests_are_planted(whole: Verdict) -> None:
    assert [index for index, outcome in enumerate(whole.outcomes) if outcome.passed] == [1, 4, 9, 10, 16]
    unique = whole.outcomes[8].finding
    assert unique.observed == "3 of 12 rows (25.00%): 茶" and unique.rows == ["茶"] * 3


def test_blocks_do_not_change_the_verdict(tmp_path: Path, whole: Verdict) -> None:
    rows = spilled(ROWS, 5)
    assert rows.num_blocks == 3
    assert run(tmp_path, rows, *EXPECTATIONS).outcomes == whole.outcomes


def test_rows_and_values_are_the_first_of_all_blocks(tmp_path: Path) -> None:
    """Ten rows are named, in the order of the input; one without an id by its number in the whole table."""
    check = expectation("column_values_to_be_between", column="m", min_value=99)
    (finding,) = run(tmp_path, spilled(ROWS, 5), check).failures
    assert finding.rows == ["d0", "茶", "d2", "d3", "茶", "row 5", "d6", "row 7", "d8", "d9"]
    assert finding.observed == "12 of 12 rows (100.00%): 0, 1, 2"


def test_an_empty_table_has_one_block(tmp_path: Path) -> None:
    verdict = run(tmp_path, SpilledRows(ROWS.schema), *EXPECTATIONS[:3], EXPECTATIONS[8])
    assert verdict.passed and [o.finding.observed for o in verdict.outcomes] == ["0 of 0 rows"] * 4
