"""The report's section about the study: the gain of one model for all tasks, and the worth of each granularity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import RunFiles
from mgm.experiments.gain import GAIN, percent, percent_interval
from mgm.experiments.study import NOT_RUN, changed_inputs, read_result, stale
from mgm.experiments.variants import ABLATIONS, AVERAGE, SINGLE, Variant, variants
from mgm.tasks import Task

NOT_COMPARED = "not compared (study)"


@dataclass(frozen=True, kw_only=True)
class GainRow:
    """A row of the table of gains.

    Attributes:
        note: the reason why there are no numbers or why they are stale; empty where they hold.
        trainings: the number of trainings of each model, of which the numbers are means.
    """

    task: str
    metric: str
    multi: float | None = None
    single: float | None = None
    gain: str = ""
    interval: str = ""
    shown: str = ""
    note: str = ""
    trainings: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The joint model's metric less the variant's on a task, with its interval; `shown` as in gain.json. Empty: not known."""

    difference: str = ""
    interval: str = ""
    shown: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A variant of the table of ablations, with a cell for each task.

    Attributes:
        note: as in `GainRow`.
    """

    name: str
    note: str
    cells: list[Cell]


@dataclass(frozen=True, kw_only=True)
class StudyContent:
    """The tables of gains and of ablations."""

    gains: list[GainRow]
    mean: GainRow | None
    columns: list[Column]
    tasks: list[Task]


def read_study(run_files: RunFiles) -> StudyContent:
    """Read reports/study/gain.json and the variants' results.

    Raises:
        ValueError: a result lacks one of its keys.
    """
    content = run_files.json(*GAIN, expected=False) or {}
    tasks = run_files.settings.active_tasks()
    all_variants = variants(run_files.settings).values()
    notes = {variant.name: _note(run_files, content, variant=variant) for variant in all_variants}
    gains = [_gain_row(task, content.get("gain", {}).get(task.name), notes=notes) for task in tasks]
    return StudyContent(
        gains=gains,
        mean=_mean_row(content.get("mean"), gains),
        columns=[
            _column(variant, content=content, note=notes[variant.name], tasks=tasks)
            for variant in all_variants
            if variant.kind in (AVERAGE, ABLATIONS)
        ],
        tasks=tasks,
    )


def _note(run_files: RunFiles, content: Mapping[str, Any], *, variant: Variant) -> str:
    result = read_result(run_files, variant)
    if result.state == "absent":
        return NOT_RUN
    if result.state == "stale":
        return stale(result.changed)
    inputs = content.get("inputs", {}).get(variant.name)
    if inputs is None:
        return NOT_COMPARED
    changed = changed_inputs(run_files, inputs)
    return stale(changed) if changed else ""


def _gain_row(task: Task, entry: dict[str, Any] | None, *, notes: Mapping[str, str]) -> GainRow:
    note = notes[f"{SINGLE}/{task.name}"]
    if entry is None or note == NOT_RUN:
        return GainRow(task=task.name, metric=task.first_metric, note=note)
    return GainRow(
        task=task.name,
        metric=task.first_metric,
        multi=entry["multi"],
        single=entry["other"],
        gain=percent(entry["gain"]),
        interval=percent_interval(entry),
        shown=entry["shown"],
        note=next((n for n in (notes.get(name, NOT_RUN) for name in entry["made_of"]) if n), ""),
        trainings=entry["trainings"],
    )


def _mean_row(entry: dict[str, Any] | None, gains: list[GainRow]) -> GainRow | None:
    """Return the row of the mean, which is stale where one of its tasks is."""
    if entry is None:
        return None
    notes = [gain.note for gain in gains if gain.task in entry["tasks"]]
    is_current = len(notes) == len(entry["tasks"]) and not any(notes)
    share = f" of {len(entry['tasks'])} of {len(gains)} tasks" if len(entry["tasks"]) < len(gains) else ""
    return GainRow(
        task=f"mean{share}",
        metric="",
        gain=percent(entry["gain"]),
        interval=percent_interval(entry),
        shown=entry["shown"],
        note="" if is_current else "stale: a part of it is",
    )


def _column(variant: Variant, *, content: Mapping[str, Any], note: str, tasks: list[Task]) -> Column:
    differences = {} if note == NOT_RUN else content.get("differences", {}).get(variant.name, {})
    return Column(
        name=f"without {variant.part}" if variant.kind == ABLATIONS else variant.name,
        note=note,
        cells=[_cell(differences.get(task.name)) for task in tasks],
    )


def _cell(entry: dict[str, Any] | None) -> Cell:
    if entry is None or entry["difference"] is None:
        return Cell()
    interval = "" if entry["low"] is None else f"[{entry['low']:+.3f}, {entry['high']:+.3f}]"
    return Cell(difference=f"{entry['difference']:+.3f}", interval=interval, shown=entry["shown"])
