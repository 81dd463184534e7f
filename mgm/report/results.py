"""The parts of a task's section that show its numbers: metrics, labels, slices, calibration."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from mgm.evaluation.predictions import select_labelled
from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT
from mgm.experiments.study import VariantResult, read_result
from mgm.experiments.variants import SINGLE, variants
from mgm.report.plots import line_plot
from mgm.tasks import Task

MAX_OPEN_LABELS = 15
"""More labels than these are folded away after the worst."""
NUM_WORST = 5


@dataclass(frozen=True, kw_only=True)
class MetricsPart:
    """A task's metrics with their intervals, and those of the majority and of the single-task model.

    Attributes:
        entry: the task's entry of reports/metrics.json, None where it is missing.
        n: the number of labelled rows of data/predictions, None where that is missing; it differs from the
            entry's where the two files are of different runs.
        alone: the single-task model's metrics, empty where it was not trained.
    """

    entry: dict[str, Any] | None
    n: int | None
    single: VariantResult
    alone: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LabelsPart:
    """A task's metrics label by label: all rows of `details.label_rows`, and the worst that were trained and tested.

    Attributes:
        folded: whether only the worst are open.
    """

    rows: list[dict[str, Any]]
    worst: list[dict[str, Any]]
    folded: bool


@dataclass(frozen=True, kw_only=True)
class SlicesPart:
    """A task's metrics on parts of the test split.

    Attributes:
        cuts: the criterion, the metric, and the entries of mgm/evaluation/slices.py.
        first: the task's first metric where slices are compared by another.
    """

    cuts: list[tuple[str, str, list[dict[str, Any]]]]
    first: str | None


@dataclass(frozen=True, kw_only=True)
class CalibrationPart:
    """The calibration of a task's predictions (reliability), accuracy by coverage, and what abstention leaves; each may be missing."""

    calibration: dict[str, Any] | None
    coverage: dict[str, Any] | None
    abstention: list[dict[str, Any]] | None
    reliability_plot: Markup
    coverage_plot: Markup


def read_details(run_files: RunFiles, task: Task, *, part: str) -> Any:
    """Return one part of reports/evaluation/<task>.json; None where the file is missing or the task's kind has no such part."""
    details = run_files.json("reports", "evaluation", f"{task.name}.json")
    return None if details is None else details[part]


def read_metrics(run_files: RunFiles, task: Task) -> MetricsPart:
    """Read reports/metrics.json, data/predictions and the study's result."""
    metrics = run_files.json("reports", "metrics.json", expected=False) or {}
    predictions = run_files.predictions(task, SPLIT)
    single = read_result(run_files, variants(run_files.settings)[f"{SINGLE}/{task.name}"])
    return MetricsPart(
        entry=metrics.get(task.name),
        n=None if predictions is None else select_labelled(predictions, task).height,
        single=single,
        alone=single.test.get(task.name, {}),
    )


def read_labels(run_files: RunFiles, task: Task) -> LabelsPart | None:
    """Read reports/evaluation; None where there is nothing, or no labels."""
    rows = read_details(run_files, task, part="labels")
    if rows is None:
        return None
    tested = [row for row in rows if row["seen"] and row["support"]]
    worst = sorted(tested, key=lambda row: (row["f1"], row["label"]))[:NUM_WORST]
    return LabelsPart(rows=rows, worst=worst, folded=len(rows) > MAX_OPEN_LABELS)


def read_slices(run_files: RunFiles, task: Task) -> SlicesPart | None:
    """Read reports/evaluation; None where there are no slices."""
    slices = read_details(run_files, task, part="slices")
    if not slices:
        return None
    grouped = groupby(slices, lambda entry: (entry["by"], entry["metric"]))
    return SlicesPart(
        cuts=[(by, metric, list(entries)) for (by, metric), entries in grouped],
        first=task.first_metric if any("first" in entry for entry in slices) else None,
    )


def read_calibration(run_files: RunFiles, task: Task) -> CalibrationPart | None:
    """Read reports/evaluation; None where the task gives no probabilities."""
    calibration, coverage = (read_details(run_files, task, part=part) for part in ("calibration", "coverage"))
    if calibration is None and coverage is None:
        return None
    return CalibrationPart(
        calibration=calibration,
        coverage=coverage,
        abstention=read_details(run_files, task, part="abstention"),
        reliability_plot=_plot_reliability(calibration) if calibration else Markup(""),
        coverage_plot=_plot_coverage(coverage) if coverage else Markup(""),
    )


def _plot_reliability(calibration: dict[str, Any]) -> Markup:
    names = {"before": "as predicted", "after": "with the temperature"}
    lines = {
        name: [(b["confidence"], b["accuracy"]) for b in calibration[state]["bins"]]
        for state, name in names.items()
        if calibration[state] is not None
    }
    return line_plot(
        "Reliability: accuracy by confidence", lines, x_bounds=(0, 1), y_bounds=(0, 1), has_diagonal=True
    )


def _plot_coverage(coverage: dict[str, Any]) -> Markup:
    lines = {"accuracy": [tuple(point) for point in coverage["curve"]]}
    return line_plot("Accuracy by coverage, the most confident first", lines, x_bounds=(0, 1))
