"""The study: trainings outside the default graph (study/dvc.yaml), announced with their cost, resumable.

`make study`, or `python -m flows.study --only average ablations/window`.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.errors import exit_status
from flows.graph import changed_stages
from flows.project import TRAINING
from mgm.experiments.variants import Variant, variants
from mgm.files import read_json
from mgm.settings.core import PARAMS
from mgm.settings.names import nearest
from mgm.settings.views.study import StudySettings
from mgm.settings.views.training import TrainingSettings

STUDY = Path("study/dvc.yaml")


def select_variants(settings: TrainingSettings, only: Sequence[str]) -> list[Variant]:
    """Return the variants that `only` names, each by its name or by its kind; all of them where it is empty.

    Raises:
        ValueError: a name is neither.
    """
    all_variants = variants(settings).values()
    names = {name for variant in all_variants for name in (variant.name, variant.kind)}
    for name in only:
        if name not in names:
            raise ValueError(
                f"--only {name}: {PARAMS} gives the study no variant of this name{nearest(name, names)}"
            )
    return [variant for variant in all_variants if not only or variant.name in only or variant.kind in only]


def pending_variants(trainings: Sequence[Variant]) -> list[Variant]:
    """Return the variants that are not up to date, or all of them where DVC cannot tell."""
    try:
        changed = changed_stages(*map(stage_name, trainings))
    except ValueError:
        return list(trainings)
    return [variant for variant in trainings if stage_name(variant) in changed]


def announcement(trainings: Sequence[Variant], pending: Sequence[Variant]) -> str:
    """Return a line with the trainings to come and the time of the joint model's; `pending`: the variants not yet trained."""
    text = (
        f"study: {len(trainings)} trainings with the joint model's settings and budget "
        f"({', '.join(variant.name for variant in trainings)}), {len(trainings) - len(pending)} of them done already"
    )
    if not pending:
        return text
    if not TRAINING.is_file():
        return f"{text}; the joint model, not yet trained here, comes first, so the cost is not known"
    minutes = read_json(TRAINING)["seconds"] / 60
    return (
        f"{text}; {len(pending)} x the joint model's {minutes:.1f} minutes are at most about "
        f"{len(pending) * minutes:.0f} minutes"
    )


def stage_name(variant: Variant) -> str:
    """Return the stage of study/dvc.yaml that trains a variant, as DVC names it."""
    return f"{STUDY}:{variant.name.replace('/', '@', 1)}"


def run_dvc(*arguments: str) -> None:
    """Run DVC, which shares this process's output.

    Raises:
        ChildProcessError: it ended with an error.
    """
    status = subprocess.run(["dvc", *arguments], check=False).returncode
    if status:
        raise ChildProcessError(f"dvc {' '.join(arguments)} ended with {status}; run again to go on")


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring the joint model and the chosen variants up to date, compare them and renew the report; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.study", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="single, average, ablations, joint_2, single_2, joint_3, single_3 (other seeds), or names such as single/TASK and "
        "ablations/window; default: all",
    )
    only = parser.parse_args(arguments).only
    return exit_status(lambda: _run(only))


def _run(only: Sequence[str]) -> None:
    trainings = select_variants(StudySettings.load(), only)
    print(announcement(trainings, pending_variants(trainings)), flush=True)
    run_dvc("repro", "report", *map(stage_name, trainings))
    run_dvc("repro", "--single-item", f"{STUDY}:gain")
    run_dvc("repro", "--force", "--single-item", "report")


if __name__ == "__main__":
    sys.exit(main())
