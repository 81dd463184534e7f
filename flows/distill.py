"""Train teachers of the joint model: each task alone, under one seed or several.

Their scores of the training documents are kept in data/teachers. `python -m flows.distill --seeds 3 --tasks role tags`. Resumable;
the trainings are those of the study.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from flows.errors import exit_status
from flows.project import TEACHERS as FILES
from flows.study import announcement, pending_variants, run_dvc, stage_name
from mgm.experiments.study import FOLDER
from mgm.experiments.variants import SCORES, TEACHERS, Variant, variants
from mgm.settings.core import PARAMS
from mgm.settings.names import nearest
from mgm.settings.views.training import TrainingSettings


def select_teachers(settings: TrainingSettings, tasks: Sequence[str], num_seeds: int) -> list[Variant]:
    """Return the trainings that make teachers of these tasks (none: of all that can have one), task by task.

    Raises:
        ValueError: a task of this name is not trained, or can have no teacher.
    """
    teachers = [v for v in variants(settings).values() if v.teaches and v.kind in TEACHERS[:num_seeds]]
    names = {teacher.part for teacher in teachers}
    for name in tasks:
        if name not in names:
            raise ValueError(
                f"--tasks {name}: {PARAMS} has no task of this name to teach{nearest(name, names)}"
            )
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
    lines = [
        f"    {yaml.safe_dump({task: files}, default_flow_style=True, width=10_000).strip()[1:-1]}"
        for task, files in teacher_files(teachers).items()
    ]
    return "\n".join(["distillation:", "  teachers:", *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring the teachers up to date and copy their scores into data/teachers; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.distill", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=1, choices=range(1, len(TEACHERS) + 1), help="teachers of each task"
    )
    parser.add_argument("--tasks", nargs="+", default=[], metavar="TASK", help="default: all but tagging")
    options = parser.parse_args(arguments)
    return exit_status(lambda: _distill(options.tasks, options.seeds))


def _distill(tasks: Sequence[str], num_seeds: int) -> None:
    teachers = select_teachers(TrainingSettings.load(), tasks, num_seeds)
    print(announcement(teachers, pending_variants(teachers)), flush=True)
    run_dvc("repro", *map(stage_name, teachers))
    for variant in teachers:
        target = FILES / teacher_file(variant)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(*FOLDER, variant.name, SCORES), target)
    print(f"{len(teachers)} teachers in {FILES}; to learn from them, set in {PARAMS} and run `dvc repro`:")
    print(params_lines(teachers))


if __name__ == "__main__":
    sys.exit(main())
