"""Cross-fitted teachers of the joint model: each task alone, under one seed or several.

A task's training documents are cut into folds by their groups. Of each fold a teacher is trained on the others, and answers
the fold's documents, which it has not seen; documents without a label get the mean of all answers. `mgm distill role tags --seeds 2`
trains two times five teachers of each task. Folds that are done are kept; one that a kill broke off goes on after its last epoch.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["distill", *sys.argv[1:]]))

# isort: split
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flows import lock
from flows.dvc_command import dvc_repro
from flows.graph import TRAINING_INPUTS
from flows.project import DATA, LABELS, TEACHERS, TRAINING
from flows.revision import code_sha256
from flows.teacher_files import teachable_tasks
from flows.training_run import Console, checkpoint, corpora_of, inputs, prepare, read_features
from mgm.files import fingerprint, read_json, write_json
from mgm.settings.training import DistillationSettings
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task, with_label_spaces
from mgm.text import labels
from mgm.text.features import FeaturePart
from mgm.training.distillation.cross_fitting import (
    assign_folds,
    check_folds,
    combine_folds,
    has_labelled_group,
    hold_out,
)
from mgm.training.distillation.predict import predict_scores, training_documents
from mgm.training.distillation.scores import save_scores
from mgm.training.fit import fit
from mgm.training.kinds import TASK_TRAINING

FOLDS = DATA / "crossfit"
"""The answers of each fold's teacher."""
INPUTS = tuple(stage for stage in TRAINING_INPUTS if stage != "teachers")
"""The stages that must have ended well; that of teachers may name files that are yet to be made."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OwnTeacher:
    """A task trained alone, fold by fold.

    Attributes:
        task: the task.
        settings: those of its trainings: of the joint model, without teachers.
        number: 1, or that of a further one, whose seed is higher by number - 1.
        num_folds: the number of folds.
    """

    task: Task
    settings: TrainingSettings
    number: int
    num_folds: int

    @property
    def file(self) -> str:
        """The name of its file below data/teachers."""
        return f"{self.task.name}/single{'' if self.number == 1 else f'_{self.number}'}.parquet"

    def scores_path(self, fold: int) -> Path:
        """Return the file with the answers of a fold's teacher."""
        return FOLDS / self.task.name / f"seed_{self.number}_fold_{fold + 1}_of_{self.num_folds}.npy"

    def facts(self) -> dict[str, Any]:
        """Return everything that a fold's answers depend on, beside its number."""
        return {
            "settings": self.settings.training_sections(),
            "task": self.task.model_dump(mode="json"),
            "inputs": inputs(self.settings, [self.task]),
            "code": code_sha256("model", "training"),
        }

    def pending_folds(self) -> list[int]:
        """Return the folds whose teacher is still to be trained."""
        made_from = fingerprint(self.facts())
        return [fold for fold in range(self.num_folds) if not self._is_done(fold, made_from)]

    def _is_done(self, fold: int, made_from: str) -> bool:
        path = self.scores_path(fold)
        note = path.with_suffix(".json")
        return path.is_file() and note.is_file() and bool(read_json(note)["made_from"] == made_from)

    def _features(self) -> dict[str, list[FeaturePart]]:
        return {
            corpus: read_features(corpus, self.settings.model.pretrained)
            for corpus in corpora_of(self.settings, [self.task])
        }

    def train_fold(self, fold: int) -> None:
        """Train the teacher of a fold without the fold's documents, and write its answers for all training documents."""
        features = self._features()
        parts = {
            corpus: [
                FeaturePart(
                    part.documents.with_columns(hold_out(part.documents, fold=fold, count=self.num_folds)),
                    part.types,
                )
                for part in of_corpus
            ]
            for corpus, of_corpus in features.items()
        }
        plan = prepare(self.settings, [self.task], parts=parts)
        path = self.scores_path(fold)
        state = checkpoint(f"distill-{self.task.name}-{path.stem}", self.settings, tasks=[self.task])
        fitted = fit(plan, self.settings, checkpoint=state, callbacks=Console(self.settings.train.epochs))
        path.parent.mkdir(parents=True, exist_ok=True)
        (task,) = plan.tasks
        np.save(path, predict_scores(fitted.network, task, corpora=features.items()), allow_pickle=False)
        write_json(path.with_suffix(".json"), {"made_from": fingerprint(self.facts())})
        state.remove()

    def check(self) -> None:
        """Check that the labels can be cut into folds.

        Raises:
            ValueError: they cannot.
        """
        documents = training_documents(self.task, self._features().items())
        is_known = TASK_TRAINING[self.task.kind].is_known(documents[self.task.columns.label_ids])
        folds = assign_folds(documents["group"].filter(is_known), self.num_folds)
        check_folds(folds, self.num_folds, task=self.task.name)

    def write(self) -> None:
        """Write the answers of the folds' teachers, each for the documents that it has not seen, as one file of a teacher."""
        documents = training_documents(self.task, self._features().items())
        is_known = TASK_TRAINING[self.task.kind].is_known(documents[self.task.columns.label_ids])
        scores = combine_folds(
            [np.load(self.scores_path(fold), allow_pickle=False) for fold in range(self.num_folds)],
            folds=assign_folds(documents["group"], self.num_folds),
            is_seen=has_labelled_group(documents["group"], is_known),
        )
        (task,) = with_label_spaces([self.task], labels.load(LABELS))
        save_scores(TEACHERS / self.file, documents, scores=scores, task=task)


def own_teachers(
    settings: TrainingSettings, names: Sequence[str], *, num_seeds: int, num_folds: int
) -> list[OwnTeacher]:
    """Return the teachers of these tasks (none: of all that can have one), task by task.

    Raises:
        ValueError: a task of this name is not trained, or can have no teacher.
    """
    return [
        OwnTeacher(
            task=task,
            settings=settings.model_copy(
                update={"distillation": DistillationSettings(), "seed": settings.seed + number - 1}
            ),
            number=number,
            num_folds=num_folds,
        )
        for task in teachable_tasks(settings.active_tasks(), names)
        for number in range(1, num_seeds + 1)
    ]


def teacher_files(teachers: Sequence[OwnTeacher]) -> dict[str, list[str]]:
    """Return the setting distillation.teachers that uses these teachers: task to files."""
    files: dict[str, list[str]] = {}
    for teacher in teachers:
        files.setdefault(teacher.task.name, []).append(teacher.file)
    return files


def train_teachers(names: Sequence[str], *, num_seeds: int, num_folds: int) -> dict[str, list[str]]:
    """Bring the teachers of these tasks up to date, write their answers into data/teachers, and return task to files.

    Args:
        names: the tasks; none: all tasks that can have a teacher.
        num_seeds: the teachers of each task.
        num_folds: the folds of each teacher.

    Raises:
        ValueError: a task of this name is not trained, can have no teacher, or has too few labels for folds.
        ChildProcessError: a stage before training failed.
        BlockingIOError: another run is at work in this folder.
    """
    with lock.workspace():
        teachers = own_teachers(TrainingSettings.load(), names, num_seeds=num_seeds, num_folds=num_folds)
        dvc_repro(*INPUTS)
        for teacher in teachers:
            teacher.check()
        pending = [(teacher, fold) for teacher in teachers for fold in teacher.pending_folds()]
        _logger.info(_announcement(len(teachers) * num_folds, len(pending)))
        for done, (teacher, fold) in enumerate(pending, start=1):
            _logger.info(
                f"teacher {done}/{len(pending)}: {teacher.task.name}, seed {teacher.settings.seed}, "
                f"fold {fold + 1} of {num_folds}"
            )
            teacher.train_fold(fold)
        for teacher in teachers:
            teacher.write()
    return teacher_files(teachers)


def _announcement(trainings: int, pending: int) -> str:
    """Return a line with the trainings to come and the most time that they take."""
    text = f"distill: {trainings} trainings of one task alone, {trainings - pending} of them done already"
    if not pending:
        return text
    if not TRAINING.is_file():
        return f"{text}; no joint model was trained here, so the cost is not known before the first"
    minutes = read_json(TRAINING)["seconds"] / 60
    return (
        f"{text}; {pending} x at most the joint model's {minutes:.1f} minutes are at most about "
        f"{pending * minutes:.0f} minutes"
    )
