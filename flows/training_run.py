"""The parts that the training stages share: features on disk, the checkpoint of a killed run, and progress on the console."""

import logging
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from tqdm import tqdm

from flows.project import (
    CHECKPOINTS,
    ENCODED,
    FEATURES,
    LABELS,
    LEXICONS,
    PRETRAINED,
    TAUGHT,
    VECTORS,
    VOCABULARY,
)
from mgm.corpus.parts import MANIFEST
from mgm.files import file_sha256, fingerprint
from mgm.pretrained.folder import EncoderFiles
from mgm.pretrained.store import ENCODER, open_encoded_parts, read_encoded_parts
from mgm.pretrained.store import FACTS as ENCODED_FACTS
from mgm.settings.core import PARAMS
from mgm.settings.model import PretrainedSettings
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.feature_tables import FeatureParts
from mgm.text.features import FeaturePart
from mgm.text.terms import lexicon_names, read_terms, terms_file
from mgm.text.vectors.table import METADATA_FILE, TABLE_FILE, VectorTable, load_vectors
from mgm.text.vocabulary import Vocabulary
from mgm.training.callbacks import Callbacks, EpochReport, StepReport
from mgm.training.checkpoint import Checkpoint
from mgm.training.determinism import resolve_threads
from mgm.training.distillation import store
from mgm.training.fit import FitResult, Plan, plan_training
from mgm.training.pretraining import weights
from mgm.training.wide_solver import SolvedTask

_logger = logging.getLogger(__name__)


def corpora_of(settings: TrainingSettings, tasks: Sequence[Task]) -> list[str]:
    """Return the enabled corpora that label one of these tasks, sorted by name."""
    return sorted(c for c in settings.enabled if any(c in t.corpora for t in tasks))


def read_features(corpus: str, settings: PretrainedSettings | None = None) -> list[FeaturePart]:
    """Return the parts of a corpus's features, memory-mapped, with the vectors of the encoder that the settings name, if any."""
    return read_encoded_parts(FEATURES / corpus, ENCODED, settings=settings or PretrainedSettings())


def feature_hashes(corpora: Sequence[str]) -> dict[str, str]:
    """Return the vocabulary, the word vectors and the manifests of these corpora's features, with their hashes."""
    files = [VOCABULARY, *(FEATURES / c / MANIFEST for c in corpora)]
    files += [path for name in (METADATA_FILE, TABLE_FILE) if (path := VECTORS / name).is_file()]
    return {path.as_posix(): file_sha256(path) for path in files}


def inputs(settings: TrainingSettings, tasks: Sequence[Task]) -> dict[str, str]:
    """Return the files that decide what these tasks are trained on, with their hashes."""
    files = [LABELS]
    if settings.teachers_of(tasks):
        files.append(TAUGHT / store.FACTS)
    if settings.pretrains:
        files.append(PRETRAINED / weights.WEIGHTS)
    if settings.model.pretrained.enabled:
        files.append(ENCODED / ENCODED_FACTS)
    files += [terms_file(LEXICONS, name) for name in lexicon_names(settings)]
    return feature_hashes(corpora_of(settings, tasks)) | {p.as_posix(): file_sha256(p) for p in files}


def prepare(
    settings: TrainingSettings,
    tasks: Sequence[Task],
    *,
    parts: Mapping[str, Sequence[FeaturePart]] | None = None,
    is_refit: bool = False,
) -> Plan:
    """Return the plan of a training of these tasks, and log it in one line.

    Args:
        settings: the settings of training.
        tasks: the tasks of the settings, without label spaces.
        parts: the features of each corpus; None: those on disk, with teachers' predictions.
        is_refit: whether the training is the second fit, `train.refit`.

    Raises:
        ValueError: `parts` are given, and what the training would learn from has seen all of them.
    """
    if parts is None:
        parts = _open_taught_features(settings, tasks)
    else:
        _refuse_teachers(settings, tasks)
    plan = plan_training(
        settings,
        with_label_spaces(list(tasks), labels.load(LABELS)),
        parts=parts,
        vocabulary_size=len(Vocabulary.load(VOCABULARY)),
        word_vectors=read_word_vectors(settings),
        initial_weights=(
            weights.load_pretrained(PRETRAINED, file_sha256(VOCABULARY)) if settings.pretrains else None
        ),
        pretrained=EncoderFiles.read(ENCODED / ENCODER) if settings.model.pretrained.is_trained else None,
        terms=read_terms(LEXICONS, lexicon_names(settings)),
        is_refit=is_refit,
    )
    _logger.info(
        f"training {', '.join(t.name for t in plan.tasks)}: {plan.data.num_rows:,} rows, {plan.data.num_words:,} words "
        f"an epoch, {plan.num_parameters:,} parameters, at most {settings.train.epochs} epochs"
    )
    return plan


def _open_taught_features(settings: TrainingSettings, tasks: Sequence[Task]) -> dict[str, FeatureParts]:
    """Return the features on disk, with the predictions of the teachers that the settings name; no part is opened yet."""
    corpora = corpora_of(settings, tasks)
    students = [t for t in tasks if t.name in settings.teachers_of(tasks)]
    if students:
        hashes = {corpus: file_sha256(FEATURES / corpus / MANIFEST) for corpus in corpora}
        store.check_store(TAUGHT, features=hashes, tasks=[t.name for t in students])

    def open_corpus(corpus: str) -> FeatureParts:
        parts = open_encoded_parts(FEATURES / corpus, ENCODED, settings=settings.model.pretrained)

        def open_part(index: int) -> FeaturePart:
            return store.add_teacher_predictions(
                parts[index], TAUGHT, tasks=students, corpus=corpus, index=index
            )

        return FeatureParts(len(parts), open_part)

    return {corpus: open_corpus(corpus) for corpus in corpora}


def _refuse_teachers(settings: TrainingSettings, tasks: Sequence[Task]) -> None:
    """Raise an error if there are teachers: they learned from training documents that a fold holds out."""
    if settings.teachers_of(tasks):
        raise ValueError(
            f"{PARAMS}: distillation.teachers: they have learned from documents that are held out here; expected {{}}"
        )


def read_word_vectors(settings: TrainingSettings) -> VectorTable | None:
    """Return the word vectors that the network starts from; None where the settings name none."""
    if settings.text.vectors.source == "none":
        return None
    return load_vectors(VECTORS, file_sha256(VOCABULARY))


def checkpoint(name: str, settings: TrainingSettings, *, tasks: Sequence[Task]) -> Checkpoint:
    """Return the place of a training's state; other settings, features or another torch make it another training."""
    facts = {
        "settings": settings.training_sections(),
        "tasks": [t.model_dump(mode="json") for t in tasks],
        "inputs": inputs(settings, tasks),
        "threads": resolve_threads(settings.train.threads),  # `auto` may be another number now
    }
    return checkpoint_of(name, facts)


def checkpoint_of(name: str, facts: Mapping[str, Any]) -> Checkpoint:
    """Return the place of a state that is a function of these facts, torch's version and the kind of device."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Checkpoint(
        CHECKPOINTS / name, fingerprint({**facts, "torch": torch.__version__, "device": device})
    )


class Console(Callbacks):
    """Logs one line an epoch, and shows in a terminal a bar over its batches; `on_epoch` is called with each report, too."""

    def __init__(self, epochs: int, on_epoch: Callable[[EpochReport], object] = lambda report: None) -> None:
        """Report the progress of a training of `epochs` epochs."""
        super().__init__(
            on_solved=self._print_solved,
            on_step=self._advance,
            on_epoch=self._print_epoch,
            on_resume=self._print_resumed,
        )
        self.epochs, self.forward = epochs, on_epoch
        self.bar: tqdm | None = None

    def _print_solved(self, solved: SolvedTask) -> None:
        method = solved.method
        how = "" if method is None else f", c {method.c:g}, scaling {method.scaling}"
        _logger.info(
            f"wide part of {solved.task}: {solved.num_documents:,} documents, {solved.num_features:,} features{how}"
        )

    def _advance(self, step: StepReport) -> None:
        if not sys.stderr.isatty():
            return
        if self.bar is None:
            self.bar = tqdm(
                total=step.total, desc=f"epoch {step.epoch}/{self.epochs}", unit=" batches", leave=False
            )
        self.bar.update()

    def _print_resumed(self, epoch: int) -> None:
        _logger.info(f"resumed after epoch {epoch}")

    def _print_epoch(self, report: EpochReport) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        if report.epoch == 1:
            corpora, tasks = (
                ", ".join(f"{name} {n:.2f}" for name, n in passes.items())
                for passes in (report.passes, report.task_passes)
            )
            _logger.info(f"passes an epoch: over the rows of {corpora}; over the labels of {tasks}")
        _logger.info(epoch_line(report, self.epochs))
        self.forward(report)


def epoch_line(report: EpochReport, epochs: int) -> str:
    """Return an epoch in one line.

    It has the losses and their weights where not 1, validation metrics and their mean (* the best so far), the speed of
    training, the share of it that waited for data, memory, learning rate, and seconds with validation.
    """
    losses = ", ".join(
        f"{task} {loss:.3f}{_times(report.weights[task])}" for task, loss in report.losses.items()
    )
    metrics = ", ".join(f"{task} {value:.3f}" for task, value in report.metrics.items())
    mean = f"valid {metrics} | mean {report.score:.4f}{'*' if report.is_best else ''}"
    cost = report.cost
    return (
        f"epoch {report.epoch}/{epochs}: loss {losses} | {mean if metrics else 'nothing to validate on'} | {cost.words_per_second:,.0f} words/s, "
        f"{cost.documents_per_second:,.0f} documents/s, {cost.loading_share:.0%} loading, "
        f"{cost.peak_memory_mib:,} MiB, rate {report.learning_rate:.5f}, {cost.seconds:.1f} s"
    )


def _times(weight: float) -> str:
    return "" if weight == 1 else f" x{weight:.3g}"


def refit_facts(plan: Plan, fitted: FitResult) -> dict[str, Any]:
    """Return the extent of the second fit, which validates nothing."""
    history = fitted.training.history
    return {
        "rows": plan.data.num_rows,
        "words_per_epoch": plan.data.num_words,
        "epochs": len(history),
        "seconds": round(sum(report.cost.seconds for report in history), 1),
    }


def facts(plan: Plan, fitted: FitResult, *, settings: TrainingSettings) -> dict[str, Any]:
    """Return the course of a training, with times and hardware: for people, read by no stage but the report."""
    result = fitted.training
    costs = [report.cost for report in result.history]
    seconds = max(sum(cost.training_seconds for cost in costs), 1e-9)
    return {
        "tasks": [t.name for t in plan.tasks],
        "rows": plan.data.num_rows,
        "words_per_epoch": plan.data.num_words,
        "parameters": plan.num_parameters,
        "best_epoch": result.best_epoch,
        "validation": next((r.metrics for r in result.history if r.epoch == result.best_epoch), {}),
        "logit_adjustment": fitted.decisions.adjustments,
        "wide_share": fitted.decisions.wide_weights,
        "seconds": round(sum(cost.seconds for cost in costs), 1),
        "words_per_second": round(sum(cost.words for cost in costs) / seconds),
        "documents_per_second": round(sum(cost.documents for cost in costs) / seconds),
        "loading_share": round(sum(cost.loading_seconds for cost in costs) / seconds, 4),
        "peak_memory_mib": max((cost.peak_memory_mib for cost in costs), default=0),
        "precision": result.precision,
        "weighting": settings.train.weighting,
        "weights": result.history[-1].weights if result.history else {},
        "model": settings.model.model_dump(mode="json"),
        "epochs": [asdict(report) for report in result.history],
        "hardware": {
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": resolve_threads(settings.train.threads),
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        },
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
