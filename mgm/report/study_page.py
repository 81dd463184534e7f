"""The report's part about the study: what one model for all tasks gives or costs, and what each granularity does."""

from dataclasses import dataclass
from typing import Any

from mgm.evaluation.run_files import Sources
from mgm.experiments.study import GAIN, NOT_RUN, Trained, changed_inputs, percent, percents, stale, trained
from mgm.experiments.variants import ABLATIONS, AVERAGE, SINGLE, Variant, variants
from mgm.tasks import Task

NOT_COMPARED = "not compared: make study"


@dataclass(frozen=True)
class Gain:
    """A row of the table of gains. note: why there are no numbers, or why they are stale; empty where they hold. trainings:
    of each model, which the numbers are means of."""

    task: str
    metric: str
    multi: float | None
    single: float | None
    gain: str
    interval: str
    shown: str
    note: str
    trainings: int | None = None


@dataclass(frozen=True)
class Cell:
    """Joint minus variant on a task, with its sign and interval; shown as in gain.json. Empty texts: not known."""

    difference: str = ""
    interval: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Column:
    """A variant of the table of ablations: its cells, one a task. note as in Gain."""

    name: str
    note: str
    cells: list[Cell]


@dataclass(frozen=True)
class StudyPage:
    """All that the part says."""

    gains: list[Gain]
    mean: Gain | None
    columns: list[Column]
    tasks: list[Task]


def study_page(sources: Sources) -> StudyPage:
    """Reads reports/study/gain.json and the variants' results.

    Raises:
        ValueError: a result lacks one of its keys.
    """
    content = sources.json(*GAIN, expected=False) or {}
    tasks = sources.settings.active_tasks()
    every = variants(sources.settings).values()
    notes = {variant.name: _note(sources, content, variant) for variant in every}
    gains = [
        _gain(task, content.get("gain", {}).get(task.name), notes, notes[f"{SINGLE}/{task.name}"])
        for task in tasks
    ]
    columns = [
        _column(variant, content, notes[variant.name], tasks)
        for variant in every
        if variant.kind in (AVERAGE, ABLATIONS)
    ]
    return StudyPage(gains, _mean(content.get("mean"), gains), columns, tasks)


def _note(sources: Sources, content: dict[str, Any], variant: Variant) -> str:
    result: Trained = trained(sources, variant)
    if result.state == "absent":
        return NOT_RUN
    if result.state == "stale":
        return stale(result.changed)
    inputs = content.get("inputs", {}).get(variant.name)
    if inputs is None:
        return NOT_COMPARED
    changed = changed_inputs(sources, inputs)
    return stale(changed) if changed else ""


def _gain(task: Task, entry: dict[str, Any] | None, notes: dict[str, str], note: str) -> Gain:
    if entry is None or note == NOT_RUN:
        return Gain(task.name, task.first_metric, None, None, "", "", "", note)
    told = [notes.get(name, NOT_RUN) for name in entry["made_of"]]
    return Gain(
        task.name,
        task.first_metric,
        entry["multi"],
        entry["other"],
        percent(entry["gain"]),
        percents(entry),
        entry["shown"],
        next((one for one in told if one), ""),
        entry["trainings"],
    )


def _mean(entry: dict[str, Any] | None, gains: list[Gain]) -> Gain | None:
    """The row of the mean; it is as stale as one of its tasks."""
    if entry is None:
        return None
    told = [gain.note for gain in gains if gain.task in entry["tasks"]]
    fewer = f" of {len(entry['tasks'])} of {len(gains)} tasks" if len(entry["tasks"]) < len(gains) else ""
    stays = len(told) == len(entry["tasks"]) and not any(told)
    return Gain(
        f"mean{fewer}",
        "",
        None,
        None,
        percent(entry["gain"]),
        percents(entry),
        entry["shown"],
        "" if stays else "stale: a part of it is",
    )


def _column(variant: Variant, content: dict[str, Any], note: str, tasks: list[Task]) -> Column:
    name = f"without {variant.part}" if variant.kind == ABLATIONS else variant.name
    known = {} if note == NOT_RUN else content.get("differences", {}).get(variant.name, {})
    return Column(name, note, [_cell(known.get(task.name)) for task in tasks])


def _cell(entry: dict[str, Any] | None) -> Cell:
    if entry is None or entry["difference"] is None:
        return Cell()
    interval = "" if entry["low"] is None else f"[{entry['low']:+.3f}, {entry['high']:+.3f}]"
    return Cell(f"{entry['difference']:+.3f}", interval, entry["shown"])
