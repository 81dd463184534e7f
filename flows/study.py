"""The study: what lies outside the default graph (study/dvc.yaml), announced with its cost, resumable. `make study`,
or `python -m flows.study --only average ablations/window`."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.graph import changed_stages
from flows.project import REPORTS
from mgm.experiments.variants import Variant, variants
from mgm.files import read_json
from mgm.settings.names import nearest
from mgm.settings.settings import PARAMS, Settings

STUDY = Path("study/dvc.yaml")
TRAINING = REPORTS / "training.json"


def chosen(settings: Settings, only: Sequence[str]) -> list[Variant]:
    """The variants that `only` names, each by its name or by its kind; all of them without any.

    Raises:
        ValueError: a name that is neither.
    """
    every = variants(settings)
    names = {*every, *(variant.kind for variant in every.values())}
    for name in only:
        if name not in names:
            raise ValueError(
                f"--only {name}: {PARAMS} gives the study no variant of this name{nearest(name, names)}"
            )
    return [v for v in every.values() if not only or v.name in only or v.kind in only]


def pending(trainings: Sequence[Variant]) -> list[Variant]:
    """Return those that are not up to date, all of them where DVC cannot say."""
    try:
        changed = changed_stages(*map(stage_of, trainings))
    except ValueError:
        return list(trainings)
    return [variant for variant in trainings if stage_of(variant) in changed]


def announce(trainings: Sequence[Variant], unfinished: Sequence[Variant]) -> str:
    """What will be trained, and how long that took the joint model; `unfinished`: those not yet done."""
    text = (
        f"study: {len(trainings)} trainings with the joint model's settings and budget "
        f"({', '.join(variant.name for variant in trainings)}), {len(trainings) - len(unfinished)} of them done already"
    )
    if not unfinished:
        return text
    if not TRAINING.is_file():
        return f"{text}; the joint model, not yet trained here, comes first, so the cost is not known"
    minutes = read_json(TRAINING)["seconds"] / 60
    return (
        f"{text}; {len(unfinished)} x the joint model's {minutes:.1f} minutes are at most about "
        f"{len(unfinished) * minutes:.0f} minutes"
    )


def stage_of(variant: Variant) -> str:
    """The stage of study/dvc.yaml that trains a variant, as DVC names it."""
    return f"{STUDY}:{variant.name.replace('/', '@', 1)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Brings the joint model and the chosen variants up to date, compares them and makes the report anew; returns
    the exit status."""
    parser = argparse.ArgumentParser(prog="python -m flows.study", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="single, average, ablations, joint_2, single_2, joint_3, single_3 (other seeds), or names such as single/TASK and "
        "ablations/window; default: all",
    )
    try:
        trainings = chosen(Settings.load(), parser.parse_args(arguments).only)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(announce(trainings, pending(trainings)), flush=True)
    for command in (
        ["dvc", "repro", "report", *map(stage_of, trainings)],
        ["dvc", "repro", "--single-item", f"{STUDY}:gain"],
        ["dvc", "repro", "--force", "--single-item", "report"],
    ):
        done = subprocess.run(command, check=False)
        if done.returncode:
            print(
                f"error: {' '.join(command)} ended with {done.returncode}; run again to go on",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
