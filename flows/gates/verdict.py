"""The verdict of a gate: the outcome of each expectation of its suite."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An expectation and the data that it was evaluated on."""

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
        """Return the finding as the verdict file states it."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one expectation of a suite."""

    finding: Finding
    passed: bool
    description: str
    """The expectation in Great Expectations' words."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcomes of a suite; a gate passes unless a critical expectation failed."""

    gate: str
    corpus: str | None
    num_checks: int
    warnings: list[Finding]
    failures: list[Finding]
    outcomes: list[Outcome]
    """The outcome of every expectation in the order of the suite, with those that passed and warnings that are left out."""

    @property
    def passed(self) -> bool:
        """Whether nothing critical failed."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the verdict file."""
        return {
            "gate": self.gate,
            "corpus": self.corpus,
            "passed": self.passed,
            "checks": self.num_checks,
            "warnings": [finding.as_dict() for finding in self.warnings],
            "failures": [finding.as_dict() for finding in self.failures],
        }
