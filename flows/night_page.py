"""The page of a scored night, reports/nights/<date>.html: counts, warnings, drift, and the night's inputs."""

from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader

from flows.project import REPORTS
from mgm.files import write_text
from mgm.report.templating import create_environment
from mgm.scoring.commits import Night
from mgm.settings.gates import DriftGate

NIGHTS = REPORTS / "nights"
_STATISTICS = {
    name: (field.description or name).rstrip(".") for name, field in DriftGate.model_fields.items()
}


def page_path(day: str) -> Path:
    """Return the path of the page of a date."""
    return NIGHTS / f"{day}.html"


def page_loader() -> ChoiceLoader:
    """Return the loader of the templates of nights, with the layout and the style sheet that they share with other pages."""
    return ChoiceLoader(
        [
            PackageLoader("flows", "."),
            PackageLoader("flows.gates", "pages"),
            PackageLoader("mgm.report", "templates"),
        ]
    )


def write_page(night: Night, verdict: dict[str, Any] | None) -> Path:
    """Write the page, atomically, and return its path.

    Args:
        verdict: gate.json of the night; None where it is gone: then drift is not shown.
    """
    environment = create_environment(autoescape=True)
    environment.loader = page_loader()
    made_of = {
        "input": night.input_sha256,
        "bundle": night.bundle,
        "code": night.code,
        "dvc.lock": night.dvc_lock or "none",
        "flow run": night.flow_run or "none",
        "rejects": f"version {night.rejects_version} of the table",
        "as corpus": night.as_corpus or "none",
        "tasks": ", ".join(night.tasks),
        "calibrated scores": ", ".join(task for task, is_so in night.calibrated.items() if is_so) or "none",
        "predicted by": night.predicted_by or "unknown",
    }
    path = page_path(night.date)
    write_text(
        path,
        environment.get_template("night.html.j2").render(
            title=f"Night {night.date}", night=night, verdict=verdict, made_of=made_of, statistics=_STATISTICS
        ),
    )
    return path
