"""A suite of expectations: a JSON file in Great Expectations' own format.

Two things are particular to this project: `meta.frame` of an expectation names the frame that it reads (the modules of
mgm/quality list their columns), and `{"$PARAMETER": "name"}` in its kwargs is a threshold from params.yaml, section
`gates.<gate>`, or a value that the gate computes: `length_reference`, the champion's text lengths. A check on a column that a
frame has is added by a line in the suite. A project that `mgm init` made has suites of its own, which count in place of these.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows import project
from mgm.quality.frame import Frame
from mgm.settings.names import nearest

SUITES = Path(__file__).parent / "suites"
SEVERITIES = ("critical", "warning")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The values that a suite's `$PARAMETER` names."""

    thresholds: Mapping[str, Any]
    """The gate's section of params.yaml."""
    computed: Mapping[str, Any] = field(default_factory=dict)
    """Values that are computed rather than set."""

    @property
    def values(self) -> dict[str, Any]:
        """All of them by name."""
        return {**self.computed, **self.thresholds}

    def resolve(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the kwargs of an expectation with values in place of names."""
        return {
            key: self.values[value["$PARAMETER"]] if is_parameter(value) else value
            for key, value in kwargs.items()
        }


def is_parameter(value: object) -> bool:
    """Return whether an argument of an expectation names a parameter."""
    return isinstance(value, dict) and "$PARAMETER" in value


def suite_path(gate: str) -> Path:
    """Return the suite of a gate: the project's own where it has one, else the one that is installed."""
    own = project.SUITES / f"{gate}.json"
    return own if own.is_file() else SUITES / own.name


def load_suite(path: Path, frames: Mapping[str, Frame], *, parameters: Parameters) -> list[dict[str, Any]]:
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
        _require_known(expectation.get("severity"), SEVERITIES, where=f"{where}: severity")
        _require_known(meta.get("frame"), frames, where=f"{where}: meta.frame")
        if "column" in kwargs:
            _require_known(
                kwargs["column"],
                frames[meta["frame"]].columns,
                where=f"{where}: column of {meta['frame']}",
            )
        for key, value in kwargs.items():
            if is_parameter(value):
                parameter = f"{where}: {key}: parameter of gates.{path.stem}"
                _require_known(value["$PARAMETER"], parameters.values, where=parameter)
        expectations.append(expectation | {"meta": meta | {"position": position}})
    return expectations


def _require_known(name: object, valid: Iterable[str], *, where: str) -> None:
    names = list(valid)
    if name not in names:
        raise ValueError(f"{where}: {name!r} does not exist{nearest(str(name), names)}")
