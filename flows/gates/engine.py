"""The evaluation of expectations by Great Expectations, on rows that are in memory."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from flows.gates.suite import Parameters
from mgm.quality.frame import SHOWN_ROWS


class Evaluator:
    """Evaluates some expectations of a suite, on one table after another."""

    def __init__(self, path: Path, expectations: Sequence[dict[str, Any]], *, parameters: Parameters) -> None:
        """Make the suite of Great Expectations.

        Args:
            path: the suite's file, for messages.
            expectations: the expectations, each with its position in `meta`.

        Raises:
            ValueError: there is no such expectation, or it has not such arguments.
        """
        load_library()
        from great_expectations.core import ExpectationSuite
        from great_expectations.exceptions import GreatExpectationsError
        from pydantic.v1 import ValidationError

        self._path, self._parameters = path, parameters
        try:
            self._suite = ExpectationSuite(name=path.stem, expectations=list(expectations))
        except (GreatExpectationsError, ValidationError) as error:
            raise ValueError(f"{path}: {error}") from error
        # Great Expectations logs an expectation that it does not know, and goes on without it.
        self.by_position: dict[int, Any] = {e.meta["position"]: e for e in self._suite.expectations if e.meta}
        """The expectations as objects of their classes."""
        lost = [e["type"] for e in expectations if e["meta"]["position"] not in self.by_position]
        if lost:
            raise ValueError(f"{path}: Great Expectations has no expectation named {', '.join(lost)}")

    def evaluate(self, rows: pl.DataFrame, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return the results by the expectations' positions, as plain dictionaries: `success`, and `result` with the details.

        Args:
            numbers: the ascending numbers of the rows in the whole table, which `partial_unexpected_index_list` states.

        Raises:
            ValueError: an expectation cannot be evaluated.
        """
        import pandas as pd
        from great_expectations.exceptions import GreatExpectationsError
        from pydantic.v1 import ValidationError

        if not self.by_position:
            return {}
        table = rows.to_pandas(use_pyarrow_extension_array=True).set_axis(pd.Index(numbers))
        try:
            batch = _batch_definition().get_batch({"dataframe": table})
            results = batch.validate(
                self._suite,
                result_format={
                    "result_format": "SUMMARY",
                    "partial_unexpected_count": SHOWN_ROWS,
                    # Named index columns, and the query that this turns off, cost a Python step for each row at fault;
                    # without them the list holds the rows' numbers, and the ids are looked up for those that are shown.
                    "return_unexpected_index_query": False,
                },
                expectation_parameters=self._parameters.values,
            ).to_json_dict()["results"]
        except (GreatExpectationsError, ValidationError) as error:
            raise ValueError(f"{self._path}: {error}") from error
        for result in results:
            if not result["success"] and not result["result"]:
                kind = result["expectation_config"]["type"]
                reason = _exception(result["exception_info"])
                raise ValueError(f"{self._path}: {kind} could not be evaluated: {reason}")
        return {result["expectation_config"]["meta"]["position"]: result for result in results}


def load_library() -> None:
    """Import Great Expectations, which costs seconds that a process that only imports the gates must not spend."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import flows.gates.expectations  # noqa: F401  importing makes the project's own known


@cache
def _batch_definition() -> Any:
    """Return Great Expectations' definition of a data frame in memory, one a process: its context costs a tenth of a second."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def _exception(info: Mapping[str, Any]) -> str:
    """Return the first message in Great Expectations' record of an exception, which may be nested by metric."""
    if info.get("exception_message"):
        return str(info["exception_message"])
    messages = [
        v["exception_message"] for v in info.values() if isinstance(v, dict) and v.get("exception_message")
    ]
    return str(min(messages, default="no reason given"))
