"""The model card, reports/card.md: what the candidate is for, what it was made of, how well it does and for whom, from the
same files as the report.

Layout: Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993. `mgm promote` puts it into the bundle.
"""

from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mgm.evaluation.run_files import Sources
from mgm.evaluation.summary import SPLIT
from mgm.tasks import Task

WEAK_LABELS = 5
"""Labels of a task that are named as its weakest."""
LEAST_SUPPORT = 5
"""A label with fewer true items in the test split says too little of itself to be named."""


@dataclass(frozen=True)
class TaskFacts:
    """A task: its number of labels in training (None of values), its entry of reports/metrics.json, the slices in which it is
    significantly worse (None: not measured), its weakest labels, its calibration and its faithfulness; None or empty where a file is missing."""

    task: Task
    labels: int | None
    entry: dict[str, Any] | None
    below: list[dict[str, Any]] | None
    weakest: list[dict[str, Any]]
    calibration: dict[str, Any] | None
    faithfulness: dict[str, Any] | None


def render_card(sources: Sources, facts: dict[str, str]) -> str:
    """The card. `facts`: what no file says (revision, versions, hardware), as for the page.

    Raises:
        FileNotFoundError: there is no candidate.
    """
    place = ("models", "candidate", "manifest.json")
    identity = sources.hash_of(*place)
    if identity is None:
        raise FileNotFoundError(f"{'/'.join(place)}: missing, so there is no bundle that a card could be of")
    context = {
        "bundle": identity,
        "facts": facts,
        "settings": sources.settings,
        "split": SPLIT,
        "tasks": _tasks(sources),
        "corpora": _corpora(sources),
        "cost": sources.json("reports", "cost.json", expected=False),
        "training": sources.json("reports", "training.json", expected=False) or {},
    }
    return _environment().get_template("card.md.j2").render(context)


def _tasks(sources: Sources) -> list[TaskFacts]:
    metrics = sources.json("reports", "metrics.json", expected=False) or {}
    spaces = sources.json("data", "predictions", "labels.json", expected=False) or {}
    faithful = sources.json("data", "explanations", "faithfulness.json", expected=False) or {}
    found = []
    for task in sources.settings.active_tasks():
        details = sources.json("reports", "evaluation", f"{task.name}.json", expected=False) or {}
        labels = [
            row
            for row in details.get("labels") or []
            if row["support"] >= LEAST_SUPPORT and row["f1"] is not None
        ]
        found.append(
            TaskFacts(
                task,
                len(spaces[task.name]) if task.name in spaces else None,
                metrics.get(task.name),
                [cut for cut in details["slices"] if cut["below"]] if "slices" in details else None,
                sorted(labels, key=lambda row: (row["f1"], row["label"]))[:WEAK_LABELS],
                details.get("calibration"),
                faithful.get(task.name),
            )
        )
    return found


def _corpora(sources: Sources) -> dict[str, dict[str, Any]]:
    """Of each corpus the training snapshot's statistics, as they stand in the bundle."""
    profile = sources.json("models", "candidate", "profile.json", expected=False) or {}
    return {name: profile.get("corpora", {}).get(name, {}) for name in sources.settings.enabled}


def _environment() -> Environment:
    # Markdown, not HTML: what could be markup is escaped by the filter `cell`
    environment = Environment(
        loader=PackageLoader("mgm.report", "."),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["metric"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["count"] = lambda value: "–" if value is None else f"{value:,}"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["cell"] = _cell
    return environment


def _cell(value: object) -> str:
    """Text of a label or name that cannot end a table's cell or become markup."""
    text = " ".join(str(value).split())
    for mark in "\\|`*_<>[]":
        text = text.replace(mark, f"\\{mark}")
    return text
