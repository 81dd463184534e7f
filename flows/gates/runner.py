"""The run of a suite over narrow frames, which gives a verdict."""

from collections.abc import Mapping
from pathlib import Path

from flows.gates.blocks import validate
from flows.gates.descriptions import describe_expectation
from flows.gates.findings import describe_result
from flows.gates.suite import Parameters, load_suite, suite_path
from flows.gates.verdict import Finding, Outcome, Verdict
from mgm.quality.frame import Frame


def run_suite(
    gate: str,
    corpus: str | None,
    *,
    frames: Mapping[str, Frame],
    parameters: Parameters,
    suites: Path | None = None,
) -> Verdict:
    """Evaluate the suite of a gate, `<suites>/<gate>.json` where the folder is given.

    A warning that a failure of the same expectation on the same column implies is left out.

    Raises:
        ValueError: the suite is malformed, or names an expectation or column that does not exist, or an expectation could not be evaluated.
    """
    path = suite_path(gate) if suites is None else suites / f"{gate}.json"
    expectations = load_suite(path, frames, parameters=parameters)
    by_position: dict[int, Outcome] = {}
    for name, frame in frames.items():
        of_frame = [expectation for expectation in expectations if expectation["meta"]["frame"] == name]
        if not of_frame:
            continue
        results = validate(path, frame, expectations=of_frame, parameters=parameters)
        for position, result in results.items():
            expectation = expectations[position]
            finding = Finding(
                suite=path.name,
                corpus=corpus,
                **describe_result(expectation, result, frame=frame, parameters=parameters, gate=gate),
            )
            kwargs = parameters.resolve(expectation.get("kwargs", {}))
            description = describe_expectation(expectation["type"], kwargs)
            by_position[position] = Outcome(finding=finding, passed=result.success, description=description)
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
