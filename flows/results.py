"""What the last run reached: one line a task with its test metric, and where the report is. `mgm results`."""

from pathlib import Path

from flows.stages._common import REPORTS, read_json
from mgm.evaluation.summary import summary_lines


def result_lines(root: Path = Path()) -> list[str]:
    """The lines; none where there are no metrics."""
    metrics = root / REPORTS / "metrics.json"
    if not metrics.is_file():
        return []
    return [*summary_lines(read_json(metrics)), f"report: {REPORTS / 'report.html'}"]
