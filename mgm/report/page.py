"""reports/report.html: one self-contained page from the files of a run. Every number on it was read from one of them.

A section is a module that reads (`<name>_page.py`) and a template that shows (`<name>.html.j2`); so is each part of a
task (each_task_page.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mgm.evaluation.run_files import Sources
from mgm.evaluation.summary import SPLIT
from mgm.experiments.study import NOT_RUN
from mgm.report.cost_page import cost_page
from mgm.report.data_page import data_page
from mgm.report.each_task_page import each_task_page
from mgm.report.explanations_page import explanations_page
from mgm.report.gates_page import gates_page
from mgm.report.provenance_page import provenance_page
from mgm.report.study_page import study_page
from mgm.report.tasks_page import tasks_page
from mgm.report.training_page import training_page
from mgm.report.unfamiliar_page import unfamiliar_page
from mgm.report.verdict_page import verdict_page


@dataclass(frozen=True)
class Section:
    """A section of the page: `read` gives what the template <name>.html.j2 finds under `name`; None leaves it out."""

    name: str
    heading: str
    read: Callable[[Sources], Any]


SECTIONS = [
    Section("verdict", "Verdict", verdict_page),
    Section("tasks", "Tasks", tasks_page),
    Section("study", "Does it help?", study_page),
    Section("each_task", "Task by task", each_task_page),
    Section("explanations", "Explanations", explanations_page),
    Section("unfamiliar", "Documents of elsewhere", unfamiliar_page),
    Section("cost", "Cost", cost_page),
    Section("training", "Training", training_page),
    Section("data", "The data", data_page),
    Section("gates", "Gates", gates_page),
]
"""In the page's order. Provenance, which no file says alone, is the last."""


def render(sources: Sources, facts: dict[str, str]) -> str:
    """The page. `facts`: what no file of the run says of its provenance (provenance_page.py)."""
    found = {section.name: section.read(sources) for section in SECTIONS}
    shown = [section for section in SECTIONS if found[section.name] is not None]
    context = found | {
        "title": "mgm report",
        "sections": [*shown, Section("provenance", "Provenance", lambda _: None)],
        "provenance": provenance_page(sources, facts),
        "missing": sources.missing,
        "split": SPLIT,
        "not_run": NOT_RUN,
    }
    return _environment().get_template("report.html.j2").render(context)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mgm.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["metric"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["signed"] = lambda value: "–" if value is None else f"{value:+.3f}"
    environment.filters["count"] = lambda value: "–" if value is None else f"{value:,}"
    environment.filters["share"] = lambda value: "–" if value is None else f"{value:.1%}"
    environment.filters["chance"] = lambda value: "<0.001" if value < 0.001 else f"{value:.3f}"
    environment.filters["whole_share"] = lambda value: f"{value:.0%}"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    return environment
