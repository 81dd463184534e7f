"""Evaluation of a Great Expectations suite on narrow frames, which gives a verdict.

A suite is a JSON file in Great Expectations' own format. Two things are particular to this project:
`meta.frame` of an expectation names the frame that it reads (the modules of mgm/quality list their columns), and
`{"$PARAMETER": "name"}` in its kwargs is a threshold from params.yaml, section `gates.<gate>`, or a value that the gate computes:
`length_reference`, the champion's text lengths. A check on a column that a frame has is added by a line in the suite.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from flows.gates.descriptions import describe_expectation
from flows.gates.verdict import Finding, Outcome, Verdict
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.settings.names import nearest

SUITES = Path(__file__).parent / "suites"
SEVERITIES = ("critical", "warning")
SHOWN_VALUES = 3
SHOWN_CHARACTERS = 100


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The values that a suite's `$PARAMETER` names."""

    thresholds: Mapping[str, Any]
    """The gate's section of params.yaml."""
    computed: Mapping[str, Any] = field(default_factory=dict)
    """Values that are no settings."""

    @property
    def values(self) -> dict[str, Any]:
        """All of them by name."""
        return {**self.computed, **self.thresholds}

    def resolve(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the kwargs of an expectation with values in place of names."""
        return {
            key: self.values[value["$PARAMETER"]] if _is_parameter(value) else value
            for key, value in kwargs.items()
        }


def run_suite(
    gate: str,
    corpus: str | None,
    frames: Mapping[str, Frame],
    *,
    parameters: Parameters,
    suites: Path = SUITES,
) -> Verdict:
    """Evaluate `<suites>/<gate>.json`.

    A warning that a failure of the same expectation on the same column implies is left out.

    Raises:
        ValueError: the suite is malformed, or names what does not exist, or an expectation could not be evaluated.
    """
    path = suites / f"{gate}.json"
    expectations = _load_suite(path, frames, parameters)
    by_position: dict[int, Outcome] = {}
    for name, frame in frames.items():
        of_frame = [expectation for expectation in expectations if expectation["meta"]["frame"] == name]
        if not of_frame:
            continue
        for result in _validate(path, frame, of_frame, parameters=parameters):
            position = result["expectation_config"]["meta"]["position"]
            expectation = expectations[position]
            finding = Finding(
                suite=path.name,
                corpus=corpus,
                **_describe(expectation, result["result"], frame=frame, parameters=parameters, gate=gate),
            )
            kwargs = parameters.resolve(expectation.get("kwargs", {}))
            description = describe_expectation(expectation["type"], kwargs)
            by_position[position] = Outcome(
                finding=finding, passed=bool(result["success"]), description=description
            )
    outcomes = [by_position[position] for position in sorted(by_position)]
    findings = [outcome.finding for outcome in outcomes if not outcome.passed]
    failures = [f for f in findings if f.severity == "critical"]
    stopped = {(f.frame, f.expectation, f.column) for f in failures}
    warnings = [
        f for f in findings if f.severity == "warning" and (f.frame, f.expectation, f.column) not in stopped
    ]
    return Verdict(
        gate=gate,
        corpus=corpus,
        num_checks=len(expectations),
        warnings=warnings,
        failures=failures,
        outcomes=outcomes,
    )


def _is_parameter(value: object) -> bool:
    return isinstance(value, dict) and "$PARAMETER" in value


def _load_suite(path: Path, frames: Mapping[str, Frame], parameters: Parameters) -> list[dict[str, Any]]:
    """Return the expectations of a suite, each with its position in `meta`; results come back in another order."""
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from error
    raw = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(raw, list) or not raw or not all(isinstance(e, dict) and "type" in e for e in raw):
        raise ValueError(f"{path}: expected an object with a list `expectations` of objects with a `type`")
    expectations = []
    for position, expectation in enumerate(raw):
        where = f"{path}: expectation {position} ({expectation['type']})"
        kwargs, meta = expectation.get("kwargs", {}), expectation.get("meta", {})
        _require_known(expectation.get("severity"), SEVERITIES, f"{where}: severity")
        _require_known(meta.get("frame"), frames, f"{where}: meta.frame")
        if "column" in kwargs:
            _require_known(
                kwargs["column"], frames[meta["frame"]].rows.columns, f"{where}: column of {meta['frame']}"
            )
        for key, value in kwargs.items():
            if _is_parameter(value):
                parameter = f"{where}: {key}: parameter of gates.{path.stem}"
                _require_known(value["$PARAMETER"], parameters.values, parameter)
        expectations.append(expectation | {"meta": meta | {"position": position}})
    return expectations


def _require_known(name: object, valid: Iterable[str], where: str) -> None:
    names = list(valid)
    if name not in names:
        raise ValueError(f"{where}: {name!r} does not exist{nearest(str(name), names)}")


@cache
def _batch_definition() -> Any:
    """Return Great Expectations' definition of a data frame in memory, one a process: its context costs a tenth of a second."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def _validate(
    path: Path, frame: Frame, expectations: list[dict[str, Any]], *, parameters: Parameters
) -> list[dict[str, Any]]:
    """Return the results of Great Expectations, as plain dictionaries."""
    # Imported here: it costs seconds, which a process that only imports the gates must not spend.
    batches = _batch_definition()
    from great_expectations.core import ExpectationSuite
    from great_expectations.exceptions import GreatExpectationsError
    from pydantic.v1 import ValidationError

    import flows.gates.expectations  # noqa: F401  importing makes the project's own known

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
                # without them the list holds positions, and `_row_ids` names those that are shown.
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


def _exception(info: Mapping[str, Any]) -> str:
    """Return the first message in Great Expectations' record of an exception, which may be nested by metric."""
    if info.get("exception_message"):
        return str(info["exception_message"])
    messages = [
        v["exception_message"] for v in info.values() if isinstance(v, dict) and v.get("exception_message")
    ]
    return str(min(messages, default="no reason given"))


def _describe(
    expectation: Mapping[str, Any],
    result: Mapping[str, Any],
    *,
    frame: Frame,
    parameters: Parameters,
    gate: str,
) -> dict[str, Any]:
    """Return the fields of a finding that do not depend on the suite and the corpus."""
    kwargs = expectation.get("kwargs", {})
    column = kwargs.get("column")
    return {
        "severity": expectation["severity"],
        "expectation": expectation["type"],
        "frame": expectation["meta"]["frame"],
        "column": column,
        "observed": _observed(result, frame, column),
        "threshold": _threshold(kwargs, gate=gate, parameters=parameters),
        "rows": _row_ids(result, frame),
        "examples": list(frame.examples.get(column or "", []))[:SHOWN_ROWS],
        "notes": str(expectation.get("notes") or ""),
    }


def _observed(result: Mapping[str, Any], frame: Frame, column: str | None) -> str:
    if "unexpected_count" not in result:
        return ", ".join(
            f"{'value' if k == 'observed_value' else k} {_text(v)}"
            for k, v in sorted(result.items())
            if v is not None
        )
    if column and frame.rows.height == 1:
        return _text(frame.rows[column][0])
    bad, total = result["unexpected_count"], result["element_count"]
    share = f"{bad} of {total} rows ({100 * bad / total:.2f}%)" if bad else f"0 of {total} rows"
    values = list(dict.fromkeys(_text(value) for value in result.get("partial_unexpected_list") or []))
    return f"{share}: {', '.join(values[:SHOWN_VALUES])}" if values else share


def _threshold(kwargs: Mapping[str, Any], *, gate: str, parameters: Parameters) -> str:
    parts = []
    for key, value in kwargs.items():
        if _is_parameter(value):
            name = value["$PARAMETER"]
            is_setting = name in parameters.thresholds
            source = f"params.yaml: gates.{gate}.{name}" if is_setting else name.replace("_", " ")
            parts.append(f"{key} {_abbreviate(parameters.values[name])} ({source})")
        elif key == "row_condition" and isinstance(value, dict) and value.get("type") == "comparison":
            parts.append(f"where {value['column']['name']} {value['operator']} {value['parameter']}")
        elif key != "column":
            parts.append(f"{key} {_abbreviate(value)}")
    return ", ".join(parts) or "every row"


def _abbreviate(value: object) -> str:
    """Return a parameter as a message shows it; a long list such as a histogram is cut."""
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _row_ids(result: Mapping[str, Any], frame: Frame) -> list[str]:
    """Return the ids of the rows at fault; a row without an id is named by its number."""
    if frame.id_column is None:
        return []
    rows = list(result.get("partial_unexpected_index_list") or [])[:SHOWN_ROWS]
    ids = frame.rows[frame.id_column].gather(rows).to_list()
    return [f"row {row}" if doc_id is None else str(doc_id) for row, doc_id in zip(rows, ids, strict=True)]


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "null" if value in (None, "<NA>") else str(value)
