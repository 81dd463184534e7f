"""What the last run reached: one line a task with its test metric, and where the report is (`mgm results`); and as rows."""

from pathlib import Path
from typing import Any

from flows.project import REPORTS
from mgm.evaluation.summary import summary_lines
from mgm.files import read_json
from mgm.tasks import TASK_KINDS

_METRICS = REPORTS / "metrics.json"


def result_lines(root: Path = Path()) -> list[str]:
    """The lines; none where there are no metrics."""
    metrics = root / _METRICS
    if not metrics.is_file():
        return []
    return [*summary_lines(read_json(metrics)), f"report: {REPORTS / 'report.html'}"]


def result_rows(root: Path = Path()) -> list[dict[str, Any]]:
    """A row a task: its first metric on the test split, with its interval; none where there are no metrics."""
    if not (root / _METRICS).is_file():
        return []
    rows = []
    for task, entry in sorted(read_json(root / _METRICS).items()):
        metric = TASK_KINDS[entry["kind"]].first_metric
        bounds = {name: entry[name] for name in ("low", "high", "baseline", "n")}
        rows.append({"task": task, "metric": metric, "value": entry[metric]} | bounds)
    return rows


def gate_rows(root: Path = Path()) -> list[dict[str, Any]]:
    """A row a verdict of a gate, those of failed ones too."""
    verdicts = map(read_json, sorted((root / REPORTS / "gates").rglob("*.json")))
    return [
        {
            "gate": verdict["gate"],
            "corpus": verdict["corpus"] or "all",
            "passed": verdict["passed"],
            "checks": verdict["checks"],
            "failures": len(verdict["failures"]),
            "warnings": len(verdict["warnings"]),
        }
        for verdict in verdicts
    ]
