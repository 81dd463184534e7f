"""The evaluation of expectations by Great Expectations."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flows.gates.suite import Parameters
from mgm.quality.frame import SHOWN_ROWS, Frame


def validate(
    path: Path, frame: Frame, *, expectations: list[dict[str, Any]], parameters: Parameters
) -> list[dict[str, Any]]:
    """Return the results of Great Expectations, as plain dictionaries."""
    load_library()
    batches = _batch_definition()
    from great_expectations.core import ExpectationSuite
    from great_expectations.exceptions import GreatExpectationsError
    from pydantic.v1 import ValidationError

    batch = batches.get_batch({"dataframe": frame.rows.to_pandas(use_pyarrow_extension_array=True)})
    try:
        suite = ExpectationSuite(name=path.stem, expectations=expectations)
        # Great Expectations logs an expectation that it does not know, and goes on without it.
        if len(suite.expectations) != len(expectations):
            kept = {e.meta["position"] for e in suite.expectations if e.meta}
            lost = [e["type"] for e in expectations if e["meta"]["position"] not in kept]
            raise ValueError(f"{path}: Great Expectations has no expectation named {', '.join(lost)}")
        results = batch.validate(
            suite,
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": SHOWN_ROWS,
                # Named index columns, and the query that this turns off, cost a Python step for each row at fault;
                # without them the list holds positions, and findings.py names those that are shown.
                "return_unexpected_index_query": False,
            },
            expectation_parameters=parameters.values,
        ).to_json_dict()["results"]
    except (GreatExpectationsError, ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    for result in results:
        if not result["success"] and not result["result"]:
            kind = result["expectation_config"]["type"]
            raise ValueError(f"{path}: {kind} could not be evaluated: {_exception(result['exception_info'])}")
    return results


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
