"""reports/report.html: one self-contained page from the files of a run, from which every number on it was read.

A section is a function that reads and a template in templates/sections that shows; so is each part of a task's section
(tasks.py, templates/tasks).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT, fits_note
from mgm.experiments.study import NOT_RUN
from mgm.report.data import read_data
from mgm.report.explanations import read_explanations
from mgm.report.run import (
    read_cost,
    read_gates,
    read_out_of_distribution,
    read_provenance,
    read_training,
    read_verdict,
)
from mgm.report.study import read_study
from mgm.report.tasks import read_each_task, read_tasks
from mgm.report.templating import create_environment


@dataclass(frozen=True)
class Section:
    """A section of the page: the template sections/<name>.html.j2 shows the result of `read` as the variable <name>.

    A section whose `read` returns None is left out.
    """

    name: str
    heading: str
    read: Callable[[RunFiles], Any]


SECTIONS = [
    Section("verdict", "Verdict", read_verdict),
    Section("tasks", "Tasks", read_tasks),
    Section("study", "Does it help?", read_study),
    Section("each_task", "Task by task", read_each_task),
    Section("explanations", "Explanations", read_explanations),
    Section("out_of_distribution", "Out-of-distribution documents", read_out_of_distribution),
    Section("cost", "Cost", read_cost),
    Section("training", "Training", read_training),
    Section("data", "The data", read_data),
    Section("gates", "Gates", read_gates),
]
"""The sections in the page's order; provenance follows them."""


def render(run_files: RunFiles, facts: Mapping[str, str], *, study_command: str | None = None) -> str:
    """Return the page as HTML.

    Args:
        facts: name to value of facts that no file of the run holds: revision, time, versions and hardware of the report.
        study_command: the command that runs the study, for readers; None: the page names none.
    """
    sections = [*SECTIONS, Section("provenance", "Provenance", partial(read_provenance, facts=facts))]
    content = {section.name: section.read(run_files) for section in sections}
    return (
        create_environment(autoescape=True)
        .get_template("report.html.j2")
        .render(
            **content,
            title="mgm report",
            fits=fits_note(run_files.json("reports", "metrics.json", expected=False) or {}),
            sections=[section for section in sections if content[section.name] is not None],
            missing=run_files.missing,
            split=SPLIT,
            not_run=NOT_RUN,
            study_command=study_command,
        )
    )
