"""The joint model's gain over each task alone, and its difference to every variant of the study, with intervals.

The joint model and the variants are compared on the same documents and in the same resamples.

Axes: S trainings under different seeds, R resamples.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mgm.corpus.parts import MANIFEST
from mgm.errors import MissingInput, StaleInput
from mgm.evaluation.paired_bootstrap import DifferentDocumentsError, Estimate, PairedBootstrap
from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.summary import SPLIT
from mgm.experiments.study import FOLDER, NOT_RUN, RESULT, read_result, stale
from mgm.experiments.variants import JOINT, REPEATS, SINGLE, Variant, repeated, variants
from mgm.settings.core import PARAMS
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces

PREDICTIONS = ("data", "predictions")
GAIN = ("reports", "study", "gain.json")


def check_comparable(settings: TrainingSettings) -> None:
    """Check that the joint model's test metrics are of a fit on train, as those of the variants are.

    Raises:
        ValueError: it is fitted again on validation before it is tested.
    """
    if settings.train.refit == "valid":
        raise ValueError(
            f"{PARAMS}: train.refit: valid: the variants of a study are fitted on train alone, and the joint model would have more "
            "documents; expected none or all, with which its first fit is compared"
        )


def compare_variants(run_files: RunFiles[TrainingSettings], *, resamples: int, seed: int) -> dict[str, Any]:
    """Return the content of reports/study/gain.json, made of the saved predictions of the test split.

    Returns:
        gain: by task (joint - single) / |single| of its first metric, both means over the trainings that both have (`made_of`
        names the variants); mean: of the tasks' gains; differences: by variant and task joint - variant. Each has a 95%
        interval of paired resamples. inputs: the files that each variant's part was made from; left_out: why a variant is not
        compared.

    Raises:
        ValueError: the joint model is fitted on more documents than the variants.
        MissingInput: the joint model's predictions, or a variant's, are not there.
        StaleInput: a variant was tested on other documents than the joint model.
    """
    check_comparable(run_files.settings)
    study = _Study.read(run_files, resamples=resamples, seed=seed)
    content: dict[str, Any] = {
        "gain": {},
        "differences": {},
        "inputs": {name: _input_hashes(run_files, study.variants[name]) for name in study.compared},
        "left_out": study.left_out,
    }
    for name in study.compared:
        if not _is_repeat(study.variants[name]):
            tasks = [task.name for task in study.variants[name].tasks]
            content["differences"][name] = {task: study.difference(name, task) for task in tasks}
    gains: dict[str, Estimate] = {}
    for name in study.tasks:
        if f"{SINGLE}/{name}" in study.compared:
            content["gain"][name], gains[name] = study.gain(name, seed)
    defined = {name: gain for name, gain in gains.items() if gain.is_defined}
    content["mean"] = None
    if defined:
        mean = mean_estimate(list(defined.values()))
        content["mean"] = {"tasks": sorted(defined)} | mean.entry("gain")
    return content | {"resamples": resamples, "seed": seed}


class _Study:
    """The variants that can be compared with the joint model."""

    def __init__(
        self,
        run_files: RunFiles[TrainingSettings],
        tasks: Mapping[str, Task],
        *,
        left_out: Mapping[str, str],
        joint: PairedBootstrap,
    ) -> None:
        self.run_files, self.tasks, self.left_out, self.joint = run_files, tasks, left_out, joint
        self.variants = variants(run_files.settings)
        self.compared = [name for name in self.variants if name not in left_out]

    @classmethod
    def read(cls, run_files: RunFiles[TrainingSettings], *, resamples: int, seed: int) -> "_Study":
        """Read the joint model's predictions, and which variants are current."""
        active = run_files.settings.active_tasks()
        read = {task.name: run_files.predictions(task, SPLIT, *PREDICTIONS) for task in active}
        tables = {name: table for name, table in read.items() if table is not None}
        if len(tables) < len(active):
            raise MissingInput(", ".join(run_files.missing), "no finished table", made_by="evaluate")
        labels = run_files.json(*PREDICTIONS, "labels.json") or {}
        left_out = {}
        for variant in variants(run_files.settings).values():
            result = read_result(run_files, variant)
            if result.state != "current":
                left_out[variant.name] = NOT_RUN if result.state == "absent" else stale(result.changed)
        return cls(
            run_files,
            {task.name: task for task in with_label_spaces(active, labels)},
            left_out=left_out,
            joint=PairedBootstrap(tables, resamples=resamples, seed=seed),
        )

    def estimate(self, variant: str, task: str) -> Estimate:
        """Return a variant's first metric in a task."""
        place = (*FOLDER, *variant.split("/"))
        table = self.run_files.predictions(self.tasks[task], SPLIT, *place)
        if table is None:
            raise MissingInput(self.run_files.missing[-1], "no finished table", made_by="study")
        try:
            return self.joint.other(table, self.tasks[task], where="/".join(place))
        except DifferentDocumentsError as error:
            where, _, problem = str(error).partition(": ")
            raise StaleInput(where, problem, made_by="study") from error

    def difference(self, variant: str, task: str) -> dict[str, Any]:
        """Return the entry of joint - variant."""
        joint, other = self.joint.reference(self.tasks[task]), self.estimate(variant, task)
        return self._entry(task, joint, other=other) | joint.minus(other).entry("difference")

    def gain(self, task: str, seed: int) -> tuple[dict[str, Any], Estimate]:
        """Return the entry of the gain over the task alone, and the gain."""
        single = f"{SINGLE}/{task}"
        pairs, made_of = [(self.joint.reference(self.tasks[task]), self.estimate(single, task))], [single]
        for n in REPEATS:
            repeats = [repeated(JOINT, n), f"{repeated(SINGLE, n)}/{task}"]
            if set(repeats) <= set(self.compared):
                pairs.append((self.estimate(repeats[0], task), self.estimate(repeats[1], task)))
                made_of += repeats
        joint, alone = average_over_seeds(pairs, seed)
        gain = relative_gain(joint, alone)
        entry = self._entry(task, joint, other=alone) | gain.entry("gain")
        return entry | {"trainings": len(pairs), "made_of": made_of}, gain

    def _entry(self, task: str, joint: Estimate, *, other: Estimate) -> dict[str, Any]:
        return {
            "metric": self.tasks[task].first_metric,
            "multi": joint.rounded,
            "other": other.rounded,
        }


def relative_gain(model: Estimate, other: Estimate) -> Estimate:
    """Return (model - other) / |other|, resample by resample; undefined where the other is 0."""
    value = _relative(np.array(model.value), np.array(other.value))
    return Estimate(float(value), _relative(model.resampled, other.resampled))


def mean_estimate(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of some tasks' numbers, resample by resample."""
    value = float(np.mean([estimate.value for estimate in estimates]))
    return Estimate(value, np.mean([estimate.resampled for estimate in estimates], axis=0))


def average_over_seeds(pairs: Sequence[tuple[Estimate, Estimate]], seed: int) -> tuple[Estimate, Estimate]:
    """Return the means of two models over trainings, each pair trained under one seed.

    In every resample of documents the trainings are resampled too, the same ones for both models. Of few trainings a resample
    shows too little spread: its distance from their mean is stretched by sqrt(n / (n - 1)), as for a variance.
    """
    count = len(pairs)
    if count == 1:
        return pairs[0]
    resamples = len(pairs[0][0].resampled)
    picks_RS = np.random.default_rng([seed, count]).integers(count, size=(resamples, count))
    first, second = (_average([pair[side] for pair in pairs], picks_RS) for side in (0, 1))
    return first, second


def _average(trainings: Sequence[Estimate], picks_RS: np.ndarray) -> Estimate:
    """Return the mean over trainings; in each resample over those that are picked, with their spread corrected."""
    count, resampled_SR = len(trainings), np.stack([training.resampled for training in trainings])
    stretch = np.sqrt(count / (count - 1))
    mean_R = resampled_SR.mean(axis=0)
    picked_R = resampled_SR[picks_RS.T, np.arange(len(picks_RS))].mean(axis=0)
    value = float(np.mean([training.value for training in trainings]))
    return Estimate(value, mean_R + stretch * (picked_R - mean_R))


def gain_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of gain.json for the console: one a task, the mean, and the tasks left out."""
    width = max(map(len, [*content["gain"], "mean"]))
    for name, entry in [*sorted(content["gain"].items()), ("mean", content["mean"])]:
        if entry is not None:
            yield f"{name:<{width}}  gain {percent(entry['gain'])} {percent_interval(entry)} {entry['shown']}"
    for name, reason in content["left_out"].items():
        yield f"{name}: {reason}"


def percent(value: float | None) -> str:
    """Return a share in percent with its sign."""
    return "–" if value is None else f"{value:+.1%}"


def percent_interval(entry: Mapping[str, Any]) -> str:
    """Return the interval of a gain in percent."""
    return "–" if entry["low"] is None else f"[{percent(entry['low'])}, {percent(entry['high'])}]"


def _is_repeat(variant: Variant) -> bool:
    """Return whether a variant repeats a training under another seed."""
    return variant.kind in {repeated(kind, n) for kind in (JOINT, SINGLE) for n in REPEATS}


def _relative(value: np.ndarray, base: np.ndarray) -> np.ndarray:
    return np.divide(value - base, np.abs(base), out=np.full(np.shape(base), np.nan), where=base != 0)


def _input_hashes(run_files: RunFiles[TrainingSettings], variant: Variant) -> dict[str, str]:
    """Return the hashes of the tables of the joint model and of a variant, and of the variant's result."""
    corpora = sorted({corpus for task in variant.tasks for corpus in task.corpora})
    places = [
        (*folder, corpus, MANIFEST) for corpus in corpora for folder in (PREDICTIONS, (*FOLDER, variant.name))
    ]
    places += [(*PREDICTIONS, "labels.json"), (*FOLDER, variant.name, RESULT)]
    return {"/".join(place): run_files.hash_of(*place) or "" for place in places}
