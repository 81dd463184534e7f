"""What a training of generation tasks can give, and how long more of it takes: by what the last training here has measured."""

from pathlib import Path
from typing import Any

from flows.project import METRICS, TRAINING
from mgm.files import read_json
from mgm.settings.training import TrainSettings
from mgm.tasks import TASK_KINDS

MORE = 10
"""How many times as many epochs the time is estimated for."""


def lines_before(folder: Path, settings: TrainSettings) -> list[str]:
    """Return what to expect of a training, before it starts.

    Args:
        folder: the project that trains.
        settings: its section `train`.
    """
    epochs = f"{settings.epochs} epoch{'s' if settings.epochs > 1 else ''}"
    lines = [
        f"{epochs} from scratch (run_generation: train.epochs) are a beginning: the texts show what a decoder learns first, "
        "and are rarely of use yet. At the end stands how they compare with a translation memory, and how long more epochs take."
    ]
    training = _read(folder / TRAINING)
    if not training.get("epochs"):
        return [
            *lines,
            "No training has been timed here yet: the log says after the first epoch how long it took.",
        ]
    seconds = _seconds_per_epoch(training)
    return [
        *lines,
        f"The last training here took {_duration(seconds)} an epoch: about {_duration(seconds * settings.epochs)}.",
    ]


def lines_after(folder: Path) -> list[str]:
    """Return what the training has given beside the best baseline, and what more of it takes; none before a training."""
    training, metrics = _read(folder / TRAINING), _read(folder / METRICS)
    reports = training.get("epochs", [])
    if not reports:
        return []
    lines = [_comparison(task, entry) for task, entry in sorted(metrics.items())]
    for task in sorted(training["tasks"]):
        values = [report["metrics"][task] for report in reports if task in report["metrics"]]
        if values:
            course = ", ".join(f"{value:.3f}" for value in values)
            rises = values[-1] == max(values) and len(values) > 1
            lines.append(
                f"{task}: by epoch {course} on validation: {'still rising' if rises else 'no longer rising'}"
            )
    seconds, count = _seconds_per_epoch(training), MORE * len(reports)
    lines.append(
        f"An epoch takes {_duration(seconds)} here ({training['words_per_second']:,} words a second): {count} epochs would take "
        f"{_duration(seconds * count)} (params.yaml: run_generation: train.epochs: {count})."
    )
    return lines


def _comparison(task: str, entry: dict[str, Any]) -> str:
    """Return a task's first metric beside that of the best baseline, and whether its interval is above it."""
    metric = TASK_KINDS[entry["kind"]].first_metric
    value, low, baseline = entry[metric], entry["low"], entry["baseline"]
    if None in (value, baseline):
        return f"{task}: not measured"
    better = value > baseline and (low is None or low > baseline)
    judged = "better than" if better else "not shown to be better than"
    return (
        f"{task}: {metric} {value:.3f}, {judged} the best baseline, {entry['against']}, with {baseline:.3f}"
    )


def _seconds_per_epoch(training: dict[str, Any]) -> float:
    return float(sum(report["cost"]["seconds"] for report in training["epochs"]) / len(training["epochs"]))


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 100 * 60 else f"{seconds / 3600:.1f} hours"


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_json(path) if path.is_file() else {}
    return content
