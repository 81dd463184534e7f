"""The page of a scored night, reports/nights/<date>.html: counts, warnings, drift, and the night's inputs."""

from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from flows.project import REPORTS
from mgm.files import write_text
from mgm.scoring.commits import Night

NIGHTS = REPORTS / "nights"


def page_path(day: str) -> Path:
    """Return the path of the page of a date."""
    return NIGHTS / f"{day}.html"


def write_page(night: Night, verdict: dict[str, Any] | None) -> Path:
    """Write the page, atomically, and return its path.

    Args:
        verdict: gate.json of the night; None where it is gone: then drift is not shown.
    """
    loader = ChoiceLoader(
        [
            PackageLoader("flows", "."),
            PackageLoader("flows.gates", "pages"),
            PackageLoader("mgm.report", "templates"),
        ]
    )
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made_of = {
        "input": night.input_sha256,
        "bundle": night.bundle,
        "code": night.code,
        "dvc.lock": night.dvc_lock or "none",
        "flow run": night.flow_run or "none",
        "rejects": f"version {night.rejects_version} of their table",
        "read as": night.as_corpus or "documents of no corpus in particular",
        "tasks": ", ".join(night.tasks),
    }
    path = page_path(night.date)
    write_text(
        path,
        environment.get_template("night.html.j2").render(
            title=f"Night {night.date}", night=night, verdict=verdict, made_of=made_of
        ),
    )
    return path
