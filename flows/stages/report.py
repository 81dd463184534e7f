"""The files of a run -> reports/report.html and the model card reports/card.md, and the run's closing lines: one a task, and where the
report is."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flows.project import CARD, REPORTS
from flows.revision import code_revision
from flows.stages.command_line import run_stage
from mgm.evaluation.run_files import Sources
from mgm.report.card import render_card
from mgm.report.page import render
from mgm.settings.views.training import TrainingSettings

TARGET = REPORTS / "report.html"
PACKAGES = ("torch", "polars", "pyarrow", "numpy", "scipy", "dvc", "great-expectations", "rjieba")


def main() -> None:
    sources = Sources(Path(), TrainingSettings.load())
    facts = _facts()
    _write(CARD, render_card(sources, facts))
    _write(TARGET, render(sources, facts))
    print(f"report: {TARGET}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _facts() -> dict[str, str]:
    """What no file of the run says: this moment, this code, this machine."""
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
