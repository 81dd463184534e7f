"""The evaluation of expectations on a table that is read block by block, and their results merged over the blocks.

Most expectations judge each row alone: their counts are added up. `expect_column_values_to_be_unique` is evaluated on the rows whose
values have a hash that another row's value has too. An expectation of the project's own may merge its results itself, with a class method
`merge_results(results, arguments)`. All others, such as a mean, need a column as a whole, which is then in memory. A table of one
block is evaluated at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flows.gates.engine import Evaluator
from flows.gates.suite import Parameters
from mgm.corpus.repeated_ids import IdHashes, hash_ids
from mgm.quality.frame import SHOWN_ROWS, Frame

UNIQUE = "expect_column_values_to_be_unique"
OF_SEVERAL_ROWS = (
    UNIQUE,
    "expect_compound_columns_to_be_unique",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_decreasing",
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_values_to_not_be_outliers",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
)
"""The expectations that Great Expectations counts by rows, although a row alone does not decide them."""


@dataclass(kw_only=True)
class Result:
    """The result of an expectation on some rows, or on all."""

    success: bool
    details: dict[str, Any]
    """Of an expectation of rows element_count, unexpected_count, missing_count and partial_unexpected_list, as Great Expectations
    names them; of others what they observed."""
    ids: list[str] = field(default_factory=list)
    """The first rows at fault."""


def validate(
    path: Path, frame: Frame, *, expectations: list[dict[str, Any]], parameters: Parameters
) -> dict[int, Result]:
    """Return the results of expectations by their positions in the suite.

    Args:
        path: the suite's file, for messages.

    Raises:
        ValueError: see `Evaluator`.
    """
    known = Evaluator(path, expectations, parameters=parameters).by_position
    by_rows, repeated, whole = [], list[_Unique](), []
    for expectation in expectations:
        if frame.num_blocks == 1 or _merges(known[expectation["meta"]["position"]]):
            by_rows.append(expectation)
        elif expectation["type"] == UNIQUE and "row_condition" not in expectation["kwargs"]:
            repeated.append(_Unique(expectation))
        else:
            whole.append(expectation)
    results: dict[int, list[Result]] = {position: [] for position in known}

    def evaluate(
        some: Sequence[dict[str, Any]], blocks: Iterable[tuple[pl.DataFrame, Sequence[int]]]
    ) -> None:
        evaluator = Evaluator(path, some, parameters=parameters)
        read = list(dict.fromkeys(name for expectation in some for name in _columns_read(expectation, frame)))
        for rows, numbers in blocks:
            # Great Expectations hashes all that it is given
            for position, result in evaluator.evaluate(rows.select(read), numbers).items():
                results[position].append(_read(result, rows, numbers=numbers, id_column=frame.id_column))

    def numbered() -> Iterable[tuple[pl.DataFrame, Sequence[int]]]:
        first = 0
        for block in frame.blocks():
            for unique in repeated:
                unique.add(block)
            yield block, range(first, first + block.height)
            first += block.height

    evaluate(by_rows, numbered())
    for unique in repeated:
        rows, numbers = unique.suspected(frame)
        evaluate([unique.expectation], [(rows, numbers)])
        results[unique.position].append(unique.others(len(numbers)))
    for expectation in whole:
        table = pl.concat([block.select(_columns_read(expectation, frame)) for block in frame.blocks()])
        evaluate([expectation], [(table, range(table.height))])
    return {
        position: _merge(of_blocks, known[position], parameters=parameters)
        for position, of_blocks in results.items()
    }


class _Unique:
    """The expectation that a column's values are unique, without those that no other row can have."""

    def __init__(self, expectation: dict[str, Any]) -> None:
        self.expectation, self.position = expectation, expectation["meta"]["position"]
        self._column = expectation["kwargs"]["column"]
        self._hashes, self._num_rows = IdHashes(), 0

    def add(self, block: pl.DataFrame) -> None:
        """Add the values of a block."""
        self._hashes.add(block[self._column].drop_nulls())
        self._num_rows += block.height

    def suspected(self, frame: Frame) -> tuple[pl.DataFrame, list[int]]:
        """Return the rows with values of a repeated hash, and their numbers."""
        hashes = self._hashes.repeated().implode()
        rows, numbers, first = [], list[int](), 0
        for block in frame.blocks():
            values = block[self._column]
            is_suspected = hash_ids(values).is_in(hashes) & values.is_not_null()
            rows.append(block.select(_columns_read(self.expectation, frame)).filter(is_suspected))
            numbers += (is_suspected.arg_true() + first).to_list()
            first += block.height
        return pl.concat(rows), numbers

    def others(self, num_suspected: int) -> Result:
        """Return the result of all other rows."""
        counts = {
            "element_count": self._num_rows - num_suspected,
            "unexpected_count": 0,
            "missing_count": self._num_rows - len(self._hashes),
        }
        return Result(success=True, details=counts)


def _merges(expectation: Any) -> bool:
    """Return whether the results of an expectation on blocks give the one on all rows."""
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )

    by_rows = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
    is_by_rows = isinstance(expectation, by_rows) and expectation.expectation_type not in OF_SEVERAL_ROWS
    return is_by_rows or hasattr(expectation, "merge_results")


def _columns_read(expectation: Mapping[str, Any], frame: Frame) -> list[str]:
    """Return the columns that an expectation reads, and that of the ids."""
    kwargs = expectation.get("kwargs", {})
    if "column" not in kwargs or "row_condition" in kwargs:
        return frame.columns
    return list(dict.fromkeys([kwargs["column"], *([frame.id_column] if frame.id_column else [])]))


def _read(
    result: Mapping[str, Any], rows: pl.DataFrame, *, numbers: Sequence[int], id_column: str | None
) -> Result:
    """Return a result of Great Expectations, with the ids of the rows at fault; a row without an id is named by its number."""
    details = dict(result["result"])
    at_fault = list(details.pop("partial_unexpected_index_list", None) or [])[:SHOWN_ROWS]
    ids: list[str] = []
    if id_column is not None and at_fault:
        places = np.searchsorted(numbers, at_fault)
        names = rows[id_column].gather(places).to_list()
        ids = [
            f"row {number}" if name is None else str(name)
            for number, name in zip(at_fault, names, strict=True)
        ]
    return Result(success=bool(result["success"]), details=details, ids=ids)


def _merge(results: Sequence[Result], expectation: Any, *, parameters: Parameters) -> Result:
    """Return the result of an expectation on all rows from those on some, in their order."""
    arguments = parameters.resolve(expectation.configuration.kwargs)
    if hasattr(expectation, "merge_results"):
        merged: Result = Result(**expectation.merge_results([r.details for r in results], arguments))
        return merged
    if len(results) == 1:
        return results[0]
    counts = {
        name: sum(result.details.get(name) or 0 for result in results)
        for name in ("element_count", "unexpected_count", "missing_count")
    }
    values = [value for result in results for value in result.details.get("partial_unexpected_list") or []]
    num_judged = counts["element_count"] - counts["missing_count"]
    num_right = num_judged - counts["unexpected_count"]
    return Result(
        success=num_judged == 0 or num_right / num_judged >= arguments.get("mostly", 1),
        details=counts | {"partial_unexpected_list": values[:SHOWN_ROWS]},
        ids=[doc_id for result in results for doc_id in result.ids][:SHOWN_ROWS],
    )
