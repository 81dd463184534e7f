"""Makes teachers of the joint model: trains each task alone, under one seed or several, and keeps what it says of the
training documents. `python -m flows.distill --seeds 3 --tasks role tags`. Resumable; the trainings are those of the study."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from flows.project import DATA
from flows.study import announce, pending, stage_of
from mgm.experiments.study import FOLDER
from mgm.experiments.variants import SCORES, TEACHERS, Variant, variants
from mgm.settings.names import nearest
from mgm.settings.settings import PARAMS, Settings

FILES = DATA / "teachers"


def chosen(settings: Settings, tasks: Sequence[str], seeds: int) -> list[Variant]:
    """The trainings that teach these tasks (none: all that can be taught) under the first `seeds` seeds, task by task.

    Raises:
        ValueError: a task of this name is not trained, or cannot be taught.
    """
    able = [v for v in variants(settings).values() if v.teaches and v.kind in TEACHERS[:seeds]]
    names = {v.part for v in able}
    for name in tasks:
        if name not in names:
            raise ValueError(
                f"--tasks {name}: {PARAMS} has no task of this name to teach{nearest(name, names)}"
            )
    return [v for name in sorted(names) if not tasks or name in tasks for v in able if v.part == name]


def file_of(variant: Variant) -> str:
    """The name of a teacher's file below data/teachers."""
    return f"{variant.part}/{variant.kind}.parquet"


def files_of(teachers: Sequence[Variant]) -> dict[str, list[str]]:
    """The setting distillation.teachers that lets these teach: task to files."""
    files: dict[str, list[str]] = {}
    for variant in teachers:
        files.setdefault(variant.part, []).append(file_of(variant))
    return files


def to_set(teachers: Sequence[Variant]) -> str:
    """The lines of params.yaml that let these teach."""
    lines = [
        f"    {yaml.safe_dump({task: own}, default_flow_style=True, width=10_000).strip()[1:-1]}"
        for task, own in files_of(teachers).items()
    ]
    return "\n".join(["distillation:", "  teachers:", *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Brings the teachers up to date and lays their scores into data/teachers; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.distill", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=1, choices=range(1, len(TEACHERS) + 1), help="teachers of each task"
    )
    parser.add_argument("--tasks", nargs="+", default=[], metavar="TASK", help="default: all but tagging")
    given = parser.parse_args(arguments)
    try:
        teachers = chosen(Settings.load(), given.tasks, given.seeds)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(announce(teachers, pending(teachers)), flush=True)
    command = ["dvc", "repro", *map(stage_of, teachers)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        print(f"error: {' '.join(command)} ended with {done.returncode}; run again to go on", file=sys.stderr)
        return 1
    for variant in teachers:
        target = FILES / file_of(variant)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(*FOLDER, variant.name, SCORES), target)
    print(f"{len(teachers)} teachers in {FILES}; to learn from them, set in {PARAMS} and run dvc repro:")
    print(to_set(teachers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
