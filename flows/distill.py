"""Train teachers of the joint model: each task alone, under one seed or several.

Their scores of the training documents are kept in data/teachers. `mgm distill role tags --seeds 3`. Resumable;
the trainings are those of the study.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["distill", *sys.argv[1:]]))

# isort: split
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from flows.dvc_command import dvc_repro
from flows.project import TEACHERS as FILES
from flows.study import announcement, pending_variants, stage_name
from mgm.experiments.study import FOLDER
from mgm.experiments.variants import SCORES, TEACHERS, Variant, variants
from mgm.settings.core import PARAMS
from mgm.settings.names import nearest
from mgm.settings.views.training import TrainingSettings
from mgm.settings.yaml_file import dump_yaml_line

_logger = logging.getLogger(__name__)


def select_teachers(settings: TrainingSettings, tasks: Sequence[str], *, num_seeds: int) -> list[Variant]:
    """Return the trainings that make teachers of these tasks (none: of all that can have one), task by task.

    Raises:
        ValueError: a task of this name is not trained, or can have no teacher.
    """
    teachers = [v for v in variants(settings).values() if v.teaches and v.kind in TEACHERS[:num_seeds]]
    names = {teacher.part for teacher in teachers}
    for name in tasks:
        if name not in names:
            raise ValueError(f"task {name}: {PARAMS} has no task of this name to teach{nearest(name, names)}")
    return [v for name in sorted(names) if not tasks or name in tasks for v in teachers if v.part == name]


def teacher_file(variant: Variant) -> str:
    """Return the name of a teacher's file below data/teachers."""
    return f"{variant.part}/{variant.kind}.parquet"


def teacher_files(teachers: Sequence[Variant]) -> dict[str, list[str]]:
    """Return the setting distillation.teachers that uses these teachers: task to files."""
    files: dict[str, list[str]] = {}
    for variant in teachers:
        files.setdefault(variant.part, []).append(teacher_file(variant))
    return files


def params_lines(teachers: Sequence[Variant]) -> str:
    """Return the lines of params.yaml that use these teachers."""
    lines = [f"    {dump_yaml_line({task: files})}" for task, files in teacher_files(teachers).items()]
    return "\n".join(["distillation:", "  teachers:", *lines])


def train_teachers(tasks: Sequence[str], num_seeds: int) -> list[Variant]:
    """Bring the teachers of these tasks up to date, copy their scores into data/teachers, and return the teachers.

    Args:
        tasks: their names; none: all tasks that can have a teacher.
        num_seeds: the teachers of each task.

    Raises:
        ValueError: a task of this name is not trained, or can have no teacher, or the number is none that there is.
        ChildProcessError: a training failed.
    """
    if not 1 <= num_seeds <= len(TEACHERS):
        raise ValueError(f"seeds: found {num_seeds}, expected 1 to {len(TEACHERS)}")
    teachers = select_teachers(TrainingSettings.load(), tasks, num_seeds=num_seeds)
    _logger.info(announcement(teachers, pending_variants(teachers)))
    dvc_repro(*map(stage_name, teachers))
    for variant in teachers:
        target = FILES / teacher_file(variant)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(*FOLDER, variant.name, SCORES), target)
    return teachers
