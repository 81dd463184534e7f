"""How sure a task's answers are, and how right: reliability, and coverage against accuracy."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import Sources
from mgm.report.plots import line_plot
from mgm.report.task_details import task_details
from mgm.tasks import Task

ANSWERS = {
    "classification": "documents",
    "multilabel": "pairs of document and label",
    "tagging": "spans that were said",
}
SAID = {
    "classification": "documents",
    "multilabel": "labels that were said",
    "tagging": "spans that were said",
}


@dataclass(frozen=True)
class CalibrationPart:
    """calibration: of calibration.py; coverage: of coverage.py; either may lack. answers, said: what the two count."""

    calibration: dict[str, Any] | None
    coverage: dict[str, Any] | None
    reliability_plot: Markup
    coverage_plot: Markup
    answers: str
    said: str


def task_calibration(sources: Sources, task: Task) -> CalibrationPart | None:
    """Reads reports/evaluation; None where the task gives no probabilities."""
    found, covered = (task_details(sources, task, part) for part in ("calibration", "coverage"))
    if found is None and covered is None:
        return None
    return CalibrationPart(
        found,
        covered,
        _reliability(found) if found else Markup(""),
        _coverage(covered) if covered else Markup(""),
        ANSWERS[task.kind],
        SAID[task.kind],
    )


def _reliability(found: dict[str, Any]) -> Markup:
    names = {"before": "as predicted", "after": "with the temperature"}
    lines = {
        names[when]: [(b["confidence"], b["accuracy"]) for b in found[when]["bins"]]
        for when in names
        if found[when] is not None
    }
    return line_plot(
        "Reliability: accuracy by confidence", lines, x_bounds=(0, 1), y_bounds=(0, 1), diagonal=True
    )


def _coverage(found: dict[str, Any]) -> Markup:
    lines = {"accuracy": [tuple(point) for point in found["curve"]]}
    return line_plot("Accuracy by coverage, the surest first", lines, x_bounds=(0, 1))
