"""What the training stages share: the features on disk, the state that a killed run resumes from, and what is
shown meanwhile."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import flows.environment  # noqa: F401  (before torch, which reads the environment when it is imported)

# isort: split
import torch
from tqdm import tqdm

from flows.project import DATA
from mgm.corpus.parts import MANIFEST, file_sha256, read_manifest
from mgm.settings.core import PARAMS
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.text.vectors.table import METADATA_FILE, TABLE_FILE, VectorTable, load_vectors
from mgm.text.vocabulary import Vocabulary
from mgm.training.checkpoint import Checkpoint
from mgm.training.distillation import store
from mgm.training.fit import Fitted, Plan, plan
from mgm.training.pretraining import weights
from mgm.training.trainer import Callbacks, EpochReport, Step
from mgm.training.wide_solver import Solved

FEATURES = DATA / "features"
CHECKPOINTS = DATA / "checkpoints"
VECTORS = DATA / "vectors"
TAUGHT = DATA / "taught"
PRETRAINED = DATA / "pretrained"
VOCABULARY, LABELS = FEATURES / "vocabulary.parquet", FEATURES / "labels.json"


def corpora_of(settings: TrainingSettings, tasks: list[Task]) -> list[str]:
    """The enabled corpora that label one of these tasks, sorted by name."""
    return sorted(c for c in settings.enabled if any(c in t.corpora for t in tasks))


def read_features(corpus: str) -> list[FeaturePart]:
    """The parts of a corpus's features, memory-mapped."""
    count = len(read_manifest(FEATURES / corpus).parts)
    return [FeaturePart.load(FEATURES / corpus, index) for index in range(count)]


def inputs(settings: TrainingSettings, tasks: list[Task]) -> dict[str, str]:
    """The files that decide what these tasks are trained on, with their hashes."""
    files = [VOCABULARY, LABELS, *(FEATURES / c / MANIFEST for c in corpora_of(settings, tasks))]
    files += [path for name in (METADATA_FILE, TABLE_FILE) if (path := VECTORS / name).is_file()]
    if settings.teachers_of(tasks):
        files.append(TAUGHT / store.FACTS)
    if settings.pretrains:
        files.append(PRETRAINED / weights.WEIGHTS)
    return {path.as_posix(): file_sha256(path) for path in files}


def prepare(
    settings: TrainingSettings, tasks: list[Task], parts: Mapping[str, Sequence[FeaturePart]] | None = None
) -> Plan:
    """The plan of a training of these tasks on the features on disk, or on these `parts` of each corpus, announced in one
    line.

    Raises:
        ValueError: `parts` are not those on disk, and what the training would start or learn from has seen all of them.
    """
    if parts is None:
        parts = _with_answers(settings, tasks)
    else:
        _refuse_what_has_seen_all(settings, tasks)
    words, table = len(Vocabulary.load(VOCABULARY)), word_vectors(settings)
    initial = None
    if settings.pretrains:
        initial = weights.load(PRETRAINED, file_sha256(VOCABULARY))
    made = plan(settings, tasks, labels.load(LABELS), parts, words, table, initial)
    print(
        f"training {', '.join(t.name for t in made.tasks)}: {made.rows:,} rows, {made.words:,} words "
        f"an epoch, {made.parameters:,} parameters, at most {settings.train.epochs} epochs",
        flush=True,
    )
    return made


def _with_answers(settings: TrainingSettings, tasks: list[Task]) -> dict[str, list[FeaturePart]]:
    """The features on disk, with the answers of those teachers that the settings name."""
    corpora = corpora_of(settings, tasks)
    students = [t for t in tasks if t.name in settings.teachers_of(tasks)]
    if students:
        hashes = {corpus: file_sha256(FEATURES / corpus / MANIFEST) for corpus in corpora}
        store.check(TAUGHT, hashes, [t.name for t in students])
    return {
        corpus: [
            store.with_answers(part, TAUGHT, students, corpus, index)
            for index, part in enumerate(read_features(corpus))
        ]
        for corpus in corpora
    }


def _refuse_what_has_seen_all(settings: TrainingSettings, tasks: list[Task]) -> None:
    """Teachers have learned from documents of the training split that a fold holds out."""
    if settings.teachers_of(tasks):
        raise ValueError(
            f"{PARAMS}: distillation.teachers: they have learned from documents that are held out here; expected {{}}"
        )


def word_vectors(settings: TrainingSettings) -> VectorTable | None:
    """The word vectors that the settings give the network to start from."""
    if settings.text.vectors.source == "none":
        return None
    return load_vectors(VECTORS, file_sha256(VOCABULARY))


def checkpoint(name: str, settings: TrainingSettings, tasks: list[Task]) -> Checkpoint:
    """The place of a training's state; other settings, features or another torch make it another training."""
    facts = {
        "settings": settings.training_sections(),
        "tasks": [t.model_dump(mode="json") for t in tasks],
        "inputs": inputs(settings, tasks),
        "torch": torch.__version__,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Checkpoint(CHECKPOINTS / name, fingerprint)


class Console(Callbacks):
    """One line an epoch; in a terminal also a bar over its batches. `also` is told each epoch too."""

    def __init__(self, epochs: int, also: Callable[[EpochReport], object] = lambda report: None) -> None:
        super().__init__(self._solved, self._step, self._epoch, self._resumed)
        self.epochs, self.also = epochs, also
        self.bar: tqdm | None = None

    def _solved(self, solved: Solved) -> None:
        print(
            f"wide part of {solved.task}: {solved.documents:,} documents, {solved.ngrams:,} n-grams",
            flush=True,
        )

    def _step(self, step: Step) -> None:
        if not sys.stderr.isatty():
            return
        if self.bar is None:
            self.bar = tqdm(
                total=step.total, desc=f"epoch {step.epoch}/{self.epochs}", unit=" batches", leave=False
            )
        self.bar.update()

    def _resumed(self, epoch: int) -> None:
        print(f"resumed after epoch {epoch}", flush=True)

    def _epoch(self, report: EpochReport) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        if report.epoch == 1:
            corpora, tasks = (
                ", ".join(f"{name} {n:.2f}" for name, n in passes.items())
                for passes in (report.passes, report.task_passes)
            )
            print(f"passes an epoch: over the rows of {corpora}; over the labels of {tasks}", flush=True)
        print(epoch_line(report, self.epochs), flush=True)
        self.also(report)


def epoch_line(report: EpochReport, epochs: int) -> str:
    """An epoch in one line: losses and their weights where not 1, validation metrics and their mean (* the best so
    far), speed of training, share of it waiting for data, memory, rate, seconds with validation."""
    losses = ", ".join(
        f"{task} {loss:.3f}{_times(report.weights[task])}" for task, loss in report.losses.items()
    )
    metrics = ", ".join(f"{task} {value:.3f}" for task, value in report.metrics.items()) or "no labels"
    cost = report.cost
    return (
        f"epoch {report.epoch}/{epochs}: loss {losses} | valid {metrics} | mean {report.score:.4f}"
        f"{'*' if report.best else ''} | {cost.words_per_second:,.0f} words/s, "
        f"{cost.documents_per_second:,.0f} documents/s, {cost.loading_share:.0%} loading, "
        f"{cost.peak_memory_mib:,} MiB, rate {report.learning_rate:.5f}, {cost.seconds:.1f} s"
    )


def _times(weight: float) -> str:
    return "" if weight == 1 else f" x{weight:.3g}"


def facts(made: Plan, fitted: Fitted, settings: TrainingSettings) -> dict[str, Any]:
    """How a training went, with times and hardware: for people, read by no stage but the report."""
    trained = fitted.trained
    costs = [report.cost for report in trained.history]
    seconds = max(sum(cost.training_seconds for cost in costs), 1e-9)
    return {
        "tasks": [t.name for t in made.tasks],
        "rows": made.rows,
        "words_per_epoch": made.words,
        "parameters": made.parameters,
        "best_epoch": trained.best,
        "validation": next((r.metrics for r in trained.history if r.epoch == trained.best), {}),
        "logit_adjustment": fitted.decisions.adjustments,
        "wide_share": fitted.decisions.shares,
        "seconds": round(sum(cost.seconds for cost in costs), 1),
        "words_per_second": round(sum(cost.words for cost in costs) / seconds),
        "documents_per_second": round(sum(cost.documents for cost in costs) / seconds),
        "loading_share": round(sum(cost.loading_seconds for cost in costs) / seconds, 4),
        "peak_memory_mib": max((cost.peak_memory_mib for cost in costs), default=0),
        "precision": trained.precision,
        "weighting": settings.train.weighting,
        "weights": trained.history[-1].weights if trained.history else {},
        "model": settings.model.model_dump(mode="json"),
        "epochs": [asdict(report) for report in trained.history],
        "hardware": {
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": settings.train.threads,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        },
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
