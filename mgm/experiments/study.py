"""The study's results as `make study` left them: which belong to the present run, and what they come to beside the
joint model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from mgm.corpus.parts import MANIFEST
from mgm.evaluation.paired_scores import JointScores, Score, mean, over_trainings
from mgm.evaluation.run_files import Sources
from mgm.evaluation.summary import SPLIT
from mgm.experiments.variants import JOINT, REPEATS, SINGLE, Variant, repeated, variants
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task

NOT_RUN = "not run: make study"
FOLDER = ("data", "study")
PREDICTIONS = ("data", "predictions")
RESULT = "result.json"
"""What a variant was trained with and its metrics, beside its predictions."""
GAIN = ("reports", "study", "gain.json")

State = Literal["current", "stale", "absent"]


@dataclass(frozen=True)
class Trained:
    """A variant's training. state: current; stale (made from other features or params); absent. test: task to its
    metrics on the test split; changed: what it was made from that is now another."""

    state: State
    changed: tuple[str, ...] = ()
    test: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self, task: Task) -> str:
        """A task's first metric in words."""
        if self.state == "absent":
            return NOT_RUN
        value = self.value(task)
        number = "–" if value is None else f"{value:.3f}"
        return number if self.state == "current" else f"{number} ({stale(self.changed)})"

    def value(self, task: Task) -> float | None:
        """A task's first metric on the test split."""
        return self.test.get(task.name, {}).get(task.first_metric)


def stale(changed: tuple[str, ...]) -> str:
    """Why a result is stale, in words."""
    more = f" and {len(changed) - 2} more" if len(changed) > 2 else ""
    return f"stale: other {', '.join(changed[:2])}{more}"


def trained(sources: Sources, variant: Variant) -> Trained:
    """Reads data/study/<name>/result.json: {"test": {task: metrics}, "settings": {...}, "inputs": {path: sha256}}.

    It is stale when a setting of training differs from today's, or one of the files under `inputs` has another hash.

    Raises:
        ValueError: the file lacks one of the keys.
    """
    place = (*FOLDER, *variant.name.split("/"), RESULT)
    found = sources.json(*place, expected=False)
    if found is None:
        return Trained("absent")
    for key in ("test", "settings", "inputs"):
        if key not in found:
            raise ValueError(f"{'/'.join(place)}: no key {key!r}, found {', '.join(sorted(found))}")
    changed = changed_inputs(sources, found["inputs"])
    if found["settings"] != variant.settings.training_sections():
        changed = ("params.yaml", *changed)
    return Trained("stale" if changed else "current", changed, found["test"])


def changed_inputs(sources: Sources, inputs: dict[str, str]) -> tuple[str, ...]:
    """The files that are gone or have another hash than `inputs` says."""
    return tuple(path for path, sha256 in sorted(inputs.items()) if sources.hash_of(path) != sha256)


def compare(sources: Sources[TrainingSettings], resamples: int, seed: int) -> dict[str, Any]:
    """The content of reports/study/gain.json, from the saved predictions of the test split.

    gain: task to (joint - single) / |single| of its first metric, both means over the trainings that are there of both
    (`made_of` names the variants); mean: of the tasks' gains; differences: variant to task to joint - variant. Each with a
    95% interval of paired resamples. inputs: the files that each variant's part was made from; left_out: why a variant is
    not in it.

    Raises:
        ValueError: a variant was tested on other documents than the joint model.
        FileNotFoundError: the joint model's predictions are not there.
    """
    tasks = {task.name: task for task in sources.settings.active_tasks()}
    rows = {name: sources.predictions(task, SPLIT, *PREDICTIONS) for name, task in tasks.items()}
    known = {name: frame for name, frame in rows.items() if frame is not None}
    if len(known) < len(tasks):
        raise FileNotFoundError(f"{', '.join(sources.missing)}: no finished table; run dvc repro")
    labels = sources.json(*PREDICTIONS, "labels.json") or {}
    joint = JointScores(known, labels, resamples, seed)
    every = variants(sources.settings)
    content: dict[str, Any] = {"gain": {}, "differences": {}, "inputs": {}, "left_out": {}}
    for variant in every.values():
        state = trained(sources, variant)
        if state.state != "current":
            content["left_out"][variant.name] = NOT_RUN if state.state == "absent" else stale(state.changed)
        else:
            content["inputs"][variant.name] = _hashes(sources, variant)

    def score(name: str, task: Task) -> Score:
        return joint.other(_rows(sources, every[name], task), task, _where(every[name]))

    for name in content["inputs"]:
        if not _again(every[name]):
            content["differences"][name] = {
                task.name: _both(task, joint.of(task), score(name, task))
                | joint.of(task).less(score(name, task)).entry("difference")
                for task in every[name].tasks
            }
    gains: dict[str, Score] = {}
    for name, task in tasks.items():
        if f"{SINGLE}/{name}" not in content["inputs"]:
            continue
        pairs, made_of = [(joint.of(task), score(f"{SINGLE}/{name}", task))], [f"{SINGLE}/{name}"]
        for n in REPEATS:
            repeats = [repeated(JOINT, n), f"{repeated(SINGLE, n)}/{name}"]
            if set(repeats) <= set(content["inputs"]):
                pairs.append((score(repeats[0], task), score(repeats[1], task)))
                made_of += repeats
        multi, other = over_trainings(pairs, seed)
        gains[name] = multi.gain_over(other)
        content["gain"][name] = _both(task, multi, other) | gains[name].entry("gain")
        content["gain"][name] |= {"trainings": len(pairs), "made_of": made_of}
    defined = {name: gain for name, gain in gains.items() if gain.defined}
    content["mean"] = None
    if defined:
        content["mean"] = {"tasks": sorted(defined)} | mean(list(defined.values())).entry("gain")
    return content | {"resamples": resamples, "seed": seed}


def _again(variant: Variant) -> bool:
    """Whether it repeats a training under another seed."""
    return variant.kind in {repeated(kind, n) for kind in (JOINT, SINGLE) for n in REPEATS}


def _both(task: Task, multi: Score, other: Score) -> dict[str, Any]:
    return {"metric": task.first_metric, "multi": multi.rounded, "other": other.rounded}


def lines(content: dict[str, Any]) -> Iterator[str]:
    """gain.json for the console: one line a task, the mean, and what was left out."""
    width = max(map(len, [*content["gain"], "mean"]))
    for name, entry in [*sorted(content["gain"].items()), ("mean", content["mean"])]:
        if entry is not None:
            yield f"{name:<{width}}  gain {percent(entry['gain'])} {percents(entry)} {entry['shown']}"
    for name, reason in content["left_out"].items():
        yield f"{name}: {reason}"


def percent(value: float | None) -> str:
    """A share with its sign."""
    return "–" if value is None else f"{value:+.1%}"


def percents(entry: dict[str, Any]) -> str:
    """The interval of a gain."""
    return "–" if entry["low"] is None else f"[{percent(entry['low'])}, {percent(entry['high'])}]"


def _where(variant: Variant) -> str:
    return "/".join((*FOLDER, variant.name))


def _rows(sources: Sources, variant: Variant, task: Task) -> pl.DataFrame:
    rows = sources.predictions(task, SPLIT, *FOLDER, *variant.name.split("/"))
    if rows is None:
        raise FileNotFoundError(f"{sources.missing[-1]}: no finished table; run make study")
    return rows


def _hashes(sources: Sources, variant: Variant) -> dict[str, str]:
    """Of the tables of the joint model and of the variant, and of the variant's result."""
    corpora = sorted({corpus for task in variant.tasks for corpus in task.corpora})
    places = [
        (*folder, corpus, MANIFEST) for corpus in corpora for folder in (PREDICTIONS, (*FOLDER, variant.name))
    ]
    places += [(*PREDICTIONS, "labels.json"), (*FOLDER, variant.name, RESULT)]
    return {"/".join(place): sources.hash_of(*place) or "" for place in places}
