"""The page of a scored night, reports/nights/<date>.html: counts, what the gate said, drift, and what it was made of."""

import os
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from flows.project import REPORTS
from mgm.scoring.table import Night


def path(day: str) -> Path:
    """Where the page of a date lies."""
    return REPORTS / "nights" / f"{day}.html"


def write(night: Night, verdict: dict[str, Any] | None) -> Path:
    """Writes the page, atomically.

    Args:
        verdict: gate.json of the night; None: it is not there any more, and drift is not shown.
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
        "read as": night.like or "documents of no corpus in particular",
        "tasks": ", ".join(night.tasks),
    }
    text = environment.get_template("night.html.j2").render(
        title=f"Night {night.date}", night=night, verdict=verdict, made_of=made_of
    )
    page = path(night.date)
    page.parent.mkdir(parents=True, exist_ok=True)
    temporary = page.with_name(f"{page.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, page)
    return page
