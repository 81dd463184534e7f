"""Runs a Great Expectations suite over narrow frames and turns the result into a verdict.

A suite is a JSON file in Great Expectations' own format. Two things are particular to this project:
`meta.frame` of an expectation names the frame that it reads (document_frames.py and feature_frames.py list their columns), and
`{"$PARAMETER": "name"}` in its kwargs is a budget from params.yaml, section `gates.<gate>`, or what the gate itself knows:
`length_reference`, the champion's text lengths.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.gates.wording import in_words
from mgm.quality.frame import SHOWN_ROWS, Frame
from mgm.settings.names import nearest

SUITES = Path(__file__).parent / "suites"
SEVERITIES = ("critical", "warning")
SHOWN_VALUES = 3
SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Finding:
    """An expectation and what was observed."""

    suite: str
    corpus: str | None
    severity: str
    expectation: str
    frame: str
    column: str | None
    observed: str
    threshold: str
    rows: list[str]
    examples: list[str]
    notes: str

    def __str__(self) -> str:
        lines = {
            "suite": self.suite,
            "corpus": self.corpus or "all enabled",
            "expectation": self.expectation,
            "column": f"{self.column or '(the whole table)'} of {self.frame}",
            "observed": self.observed,
            "threshold": self.threshold,
            "rows": ", ".join(self.rows),
            "examples": ", ".join(self.examples),
            "notes": self.notes,
        }
        return f"{self.severity.upper()}\n" + "\n".join(f"  {k:<12}{v}" for k, v in lines.items() if v)

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation of a suite; `words` is the expectation in Great Expectations' words."""

    finding: Finding
    held: bool
    words: str


@dataclass(frozen=True)
class Verdict:
    """What a gate says: it passes unless a critical expectation failed."""

    gate: str
    corpus: str | None
    checks: int
    warnings: list[Finding]
    failures: list[Finding]
    outcomes: list[Outcome]
    """Of every expectation, in the order of the suite, also those that held and warnings that are left out."""

    @property
    def passed(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        return {
            "gate": self.gate,
            "corpus": self.corpus,
            "passed": self.passed,
            "checks": self.checks,
            "warnings": [finding.as_dict() for finding in self.warnings],
            "failures": [finding.as_dict() for finding in self.failures],
        }


def check(
    gate: str,
    corpus: str | None,
    frames: Mapping[str, Frame],
    parameters: Mapping[str, Any],
    suites: Path = SUITES,
    known: Mapping[str, Any] | None = None,
) -> Verdict:
    """Evaluates `<suites>/<gate>.json`.

    Args:
        parameters: the gate's section of params.yaml.
        known: parameters that are no settings.

    A warning that a failure of the same expectation on the same column implies is left out.

    Raises:
        ValueError: the suite is malformed, or names what does not exist, or an expectation could not be evaluated.
    """
    path = suites / f"{gate}.json"
    budgets, parameters = set(parameters), {**(known or {}), **parameters}
    expectations = _load(path, frames, parameters)
    used = [name for name in frames if any(e["meta"]["frame"] == name for e in expectations)]
    found: dict[int, Outcome] = {}
    for name in used:
        own = [e for e in expectations if e["meta"]["frame"] == name]
        for result in _evaluate(path, f"{gate}-{name}", own, frames[name], parameters):
            position = result["expectation_config"]["meta"]["position"]
            expectation = expectations[position]
            finding = _finding(gate, corpus, expectation, result, frames[name], parameters, budgets)
            words = in_words(expectation["type"], _resolved(expectation.get("kwargs", {}), parameters))
            found[position] = Outcome(finding, bool(result["success"]), words)
    outcomes = [found[position] for position in sorted(found)]
    findings = [outcome.finding for outcome in outcomes if not outcome.held]
    failures = [f for f in findings if f.severity == "critical"]
    stopped = {(f.frame, f.expectation, f.column) for f in failures}
    warnings = [
        f for f in findings if f.severity == "warning" and (f.frame, f.expectation, f.column) not in stopped
    ]
    return Verdict(gate, corpus, len(expectations), warnings, failures, outcomes)


def _load(path: Path, frames: Mapping[str, Frame], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The expectations of a suite, each with its position in `meta`; results come back in another order."""
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
        _known(expectation.get("severity"), SEVERITIES, f"{where}: severity")
        _known(meta.get("frame"), frames, f"{where}: meta.frame")
        if "column" in kwargs:
            _known(
                kwargs["column"], frames[meta["frame"]].rows.columns, f"{where}: column of {meta['frame']}"
            )
        for key, value in kwargs.items():
            if isinstance(value, dict) and "$PARAMETER" in value:
                _known(value["$PARAMETER"], parameters, f"{where}: {key}: parameter of gates.{path.stem}")
        expectations.append(expectation | {"meta": meta | {"position": position}})
    return expectations


def _resolved(kwargs: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The kwargs of an expectation with the values of its parameters."""
    return {
        key: parameters[value["$PARAMETER"]] if isinstance(value, dict) and "$PARAMETER" in value else value
        for key, value in kwargs.items()
    }


def _known(name: object, valid: Iterable[str], where: str) -> None:
    names = list(valid)
    if name not in names:
        raise ValueError(f"{where}: {name!r} does not exist{nearest(str(name), names)}")


def _evaluate(
    path: Path, name: str, expectations: list[dict[str, Any]], frame: Frame, parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The results of Great Expectations, as plain dictionaries."""
    # Imported here: it costs seconds, and importing this module for its types must not.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.exceptions import GreatExpectationsError
    from pydantic.v1 import ValidationError

    import flows.gates.expectations  # noqa: F401  the project's own, which importing makes known

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(
        {"dataframe": frame.rows.to_pandas(use_pyarrow_extension_array=True)}
    )
    try:
        suite = ExpectationSuite(name=name, expectations=expectations)
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
                # Named index columns, or the query that this turns off, cost a Python step a row at fault;
                # without them the list holds positions, and `_row_ids` names those that are shown.
                "return_unexpected_index_query": False,
            },
            expectation_parameters=dict(parameters),
        ).to_json_dict()["results"]
    except (GreatExpectationsError, ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    for result in results:
        if not result["success"] and not result["result"]:
            kind = result["expectation_config"]["type"]
            raise ValueError(f"{path}: {kind} could not be evaluated: {_exception(result['exception_info'])}")
    return results


def _exception(info: Mapping[str, Any]) -> str:
    """The first message in Great Expectations' record of an exception, which is nested by metric or is not."""
    if info.get("exception_message"):
        return str(info["exception_message"])
    messages = [
        v["exception_message"] for v in info.values() if isinstance(v, dict) and v.get("exception_message")
    ]
    return str(min(messages, default="no reason given"))


def _finding(
    gate: str,
    corpus: str | None,
    expectation: Mapping[str, Any],
    result: Mapping[str, Any],
    frame: Frame,
    parameters: Mapping[str, Any],
    budgets: Collection[str],
) -> Finding:
    kwargs, column = expectation.get("kwargs", {}), expectation.get("kwargs", {}).get("column")
    return Finding(
        suite=f"{gate}.json",
        corpus=corpus,
        severity=expectation["severity"],
        expectation=expectation["type"],
        frame=expectation["meta"]["frame"],
        column=column,
        observed=_observed(result["result"], frame, column),
        threshold=_threshold(gate, kwargs, parameters, budgets),
        rows=_row_ids(result["result"], frame),
        examples=list(frame.examples.get(column or "", []))[:SHOWN_ROWS],
        notes=str(expectation.get("notes") or ""),
    )


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


def _threshold(
    gate: str, kwargs: Mapping[str, Any], parameters: Mapping[str, Any], budgets: Collection[str]
) -> str:
    parts = []
    for key, value in kwargs.items():
        if isinstance(value, dict) and "$PARAMETER" in value:
            name = value["$PARAMETER"]
            where = f"params.yaml: gates.{gate}.{name}" if name in budgets else name.replace("_", " ")
            parts.append(f"{key} {_short(parameters[name])} ({where})")
        elif key == "row_condition" and isinstance(value, dict) and value.get("type") == "comparison":
            parts.append(f"where {value['column']['name']} {value['operator']} {value['parameter']}")
        elif key != "column":
            parts.append(f"{key} {_short(value)}")
    return ", ".join(parts) or "every row"


def _short(value: object) -> str:
    """A parameter as a message shows it; a list such as a histogram only begins."""
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _row_ids(result: Mapping[str, Any], frame: Frame) -> list[str]:
    """The ids of the rows at fault; a row without an id is named by its number."""
    if frame.index is None:
        return []
    rows = list(result.get("partial_unexpected_index_list") or [])[:SHOWN_ROWS]
    ids = frame.rows[frame.index].gather(rows).to_list()
    return [f"row {row}" if name is None else str(name) for row, name in zip(rows, ids, strict=True)]


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "null" if value in (None, "<NA>") else str(value)
