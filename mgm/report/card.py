"""The model card, reports/card.md: the candidate's use, data, metrics and limits, from the same files as the report.

Source: Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993, whose layout it has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT, fits_note
from mgm.report.kinds import TASK_PRESENTATIONS, TaskPresentation
from mgm.report.templating import create_environment
from mgm.tasks import Task

NUM_WEAKEST = 5
"""Labels of a task that are named as its weakest."""
MIN_SUPPORT = 5
"""A label with fewer true items in the test split is not named: its F1 is too uncertain."""
MANIFEST = ("models", "candidate", "manifest.json")


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """The results of a task; None or empty where the file that holds them is missing.

    Attributes:
        num_labels: the number of labels in training.
        entry: the task's entry of reports/metrics.json.
        below: the slices in which the task is significantly worse.
    """

    task: Task
    presentation: TaskPresentation
    num_labels: int | None
    entry: dict[str, Any] | None
    below: list[dict[str, Any]] | None
    weakest: list[dict[str, Any]]
    calibration: dict[str, Any] | None
    faithfulness: dict[str, Any] | None


def render_card(run_files: RunFiles, facts: Mapping[str, str]) -> str:
    """Return the card as Markdown.

    Args:
        facts: name to value of facts that no file of the run holds: revision, versions, hardware.

    Raises:
        FileNotFoundError: there is no candidate.
    """
    bundle = run_files.hash_of(*MANIFEST)
    if bundle is None:
        raise FileNotFoundError(
            f"{'/'.join(MANIFEST)}: missing, so there is no bundle that a card could be of"
        )
    tasks = _read_tasks(run_files)
    metrics = {t.task.name: t.entry for t in tasks if t.entry is not None}
    # Markdown, not HTML: the filter `cell` escapes everything that could be markup
    environment = create_environment(autoescape=False)
    environment.filters["cell"] = _escape_cell
    return environment.get_template("card.md.j2").render(
        bundle=bundle,
        facts=facts,
        fits=fits_note(metrics),
        settings=run_files.settings,
        split=SPLIT,
        tasks=tasks,
        first_metrics={t.task.kind: t.presentation.first_metric for t in tasks},
        corpora=_read_corpora(run_files),
        cost=run_files.json("reports", "cost.json", expected=False),
        training=run_files.json("reports", "training.json", expected=False) or {},
    )


def _read_tasks(run_files: RunFiles) -> list[TaskFacts]:
    metrics = run_files.json("reports", "metrics.json", expected=False) or {}
    label_spaces = run_files.json("data", "predictions", "labels.json", expected=False) or {}
    faithfulness = run_files.json("data", "explanations", "faithfulness.json", expected=False) or {}
    tasks = []
    for task in run_files.settings.active_tasks():
        details = run_files.json("reports", "evaluation", f"{task.name}.json", expected=False) or {}
        tasks.append(
            TaskFacts(
                task=task,
                presentation=TASK_PRESENTATIONS[task.kind],
                num_labels=len(label_spaces[task.name]) if task.name in label_spaces else None,
                entry=metrics.get(task.name),
                below=[s for s in details["slices"] if s["below"]] if "slices" in details else None,
                weakest=_weakest(details.get("labels") or []),
                calibration=details.get("calibration"),
                faithfulness=faithfulness.get(task.name),
            )
        )
    return tasks


def _weakest(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [row for row in labels if row["support"] >= MIN_SUPPORT and row["f1"] is not None]
    return sorted(rows, key=lambda row: (row["f1"], row["label"]))[:NUM_WEAKEST]


def _read_corpora(run_files: RunFiles) -> dict[str, dict[str, Any]]:
    """Return the statistics of each corpus in the training snapshot, as the bundle holds them."""
    profile = run_files.json("models", "candidate", "profile.json", expected=False) or {}
    return {name: profile.get("corpora", {}).get(name, {}) for name in run_files.settings.enabled}


def _escape_cell(value: object) -> str:
    """Return text that cannot end a table's cell or become markup."""
    text = " ".join(str(value).split())
    for mark in "\\|`*_<>[]":
        text = text.replace(mark, f"\\{mark}")
    return text
