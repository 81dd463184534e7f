"""Findings: an expectation and its result, as a verdict states them."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from flows.gates.blocks import Result
from flows.gates.suite import Parameters, is_parameter
from mgm.quality.frame import SHOWN_ROWS, Frame

SHOWN_VALUES = 3
SHOWN_CHARACTERS = 100


def describe_result(
    expectation: Mapping[str, Any],
    result: Result,
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
        "observed": _observed(result.details, frame, column=column),
        "threshold": _threshold(kwargs, gate=gate, parameters=parameters),
        "rows": result.ids,
        "examples": list(frame.examples.get(column or "", []))[:SHOWN_ROWS],
        "notes": str(expectation.get("notes") or ""),
    }


def _observed(result: Mapping[str, Any], frame: Frame, *, column: str | None) -> str:
    if "unexpected_count" not in result:
        return ", ".join(
            f"{'value' if k == 'observed_value' else k} {_text(v)}"
            for k, v in sorted(result.items())
            if v is not None
        )
    if column and isinstance(frame.rows, pl.DataFrame) and frame.rows.height == 1:
        return _text(frame.rows[column][0])
    bad, total = result["unexpected_count"], result["element_count"]
    share = f"{bad} of {total} rows ({100 * bad / total:.2f}%)" if bad else f"0 of {total} rows"
    values = list(dict.fromkeys(_text(value) for value in result.get("partial_unexpected_list") or []))
    return f"{share}: {', '.join(values[:SHOWN_VALUES])}" if values else share


def _threshold(kwargs: Mapping[str, Any], *, gate: str, parameters: Parameters) -> str:
    parts = []
    for key, value in kwargs.items():
        if is_parameter(value):
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


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "null" if value in (None, "<NA>") else str(value)
