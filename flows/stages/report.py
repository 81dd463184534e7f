"""The files of a run -> reports/report.html and the model card reports/card.md."""

import logging
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flows.errors import command_for
from flows.project import CARD, PAGE
from flows.revision import code_revision
from flows.stages.command_line import run_stage
from mgm.evaluation.run_files import RunFiles
from mgm.files import write_text
from mgm.report.card import render_card
from mgm.report.page import render
from mgm.settings.views.training import TrainingSettings

_logger = logging.getLogger(__name__)

PACKAGES = ("torch", "polars", "pyarrow", "numpy", "scipy", "dvc", "great-expectations", "rjieba")


def main() -> None:
    """Write the report and the card."""
    run_files = RunFiles(Path(), TrainingSettings.load())
    facts = _facts()
    write_text(CARD, render_card(run_files, facts))
    write_text(PAGE, render(run_files, facts, study_command=command_for("study")))
    _logger.info(f"report: {PAGE}")


def _facts() -> dict[str, str]:
    """Return the facts that no file of the run holds: the time, the code, the machine."""
    return {
        "git revision": code_revision(),
        "report made at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    run_stage(main)
