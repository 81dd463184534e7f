"""`mgm results`: the last run's metrics."""

from typing import Annotated

from flows.commands.json_output import JSON, print_json


def results(as_json: Annotated[bool, JSON] = False) -> None:
    """Print one line with test metrics for each task, and the path of the report.

    The keys of --json: tasks (task, metric, value, low, high, baseline, n), report.
    """
    from flows.project import METRICS, PAGE
    from flows.results import result_lines, result_rows
    from mgm.errors import MissingInput

    if not METRICS.is_file():
        raise MissingInput(METRICS, "no results yet", made_by="evaluate")
    if as_json:
        print_json({"tasks": result_rows(), "report": PAGE.as_posix() if PAGE.is_file() else None})
    else:
        print(*result_lines(), sep="\n")
