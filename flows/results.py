"""The results of the last run: each task's test metric as lines (`mgm results`) and as rows, and the gates' verdicts."""

from pathlib import Path
from typing import Any

from flows.project import GATES, METRICS, PAGE
from mgm.evaluation.summary import summary_lines
from mgm.files import read_json
from mgm.tasks import TASK_KINDS


def result_lines(root: Path = Path()) -> list[str]:
    """Return one line a task, and where the report is; none where there are no metrics."""
    metrics = root / METRICS
    if not metrics.is_file():
        return []
    return [*summary_lines(read_json(metrics)), f"report: {PAGE}"]


def result_rows(root: Path = Path()) -> list[dict[str, Any]]:
    """Return a row a task: its first metric on the test split, with its interval; none where there are no metrics."""
    if not (root / METRICS).is_file():
        return []
    rows = []
    for task, entry in sorted(read_json(root / METRICS).items()):
        metric = TASK_KINDS[entry["kind"]].first_metric
        bounds = {name: entry[name] for name in ("low", "high", "baseline", "n")}
        rows.append({"task": task, "metric": metric, "value": entry[metric]} | bounds)
    return rows


def gate_rows(root: Path = Path()) -> list[dict[str, Any]]:
    """Return a row a verdict of a gate, those of failed ones too."""
    verdicts = map(read_json, sorted((root / GATES).rglob("*.json")))
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
