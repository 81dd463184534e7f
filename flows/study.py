"""The study: trainings outside the default graph (study/dvc.yaml), announced with their cost, resumable.

`mgm study`, or `mgm study average ablations/window`.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["study", *sys.argv[1:]]))

# isort: split
import logging
from collections.abc import Sequence
from pathlib import Path

from flows.dvc_command import dvc_repro
from flows.graph import changed_stages
from flows.project import TRAINING
from mgm.experiments.gain import check_comparable
from mgm.experiments.variants import Variant, variants
from mgm.files import read_json
from mgm.settings.core import PARAMS
from mgm.settings.names import nearest
from mgm.settings.views.study import StudySettings
from mgm.settings.views.training import TrainingSettings

STUDY = Path("study/dvc.yaml")

_logger = logging.getLogger(__name__)


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
                f"study {name}: {PARAMS} gives the study no variant of this name{nearest(name, names)}"
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


def run_study(only: Sequence[str] = ()) -> None:
    """Bring the joint model and the chosen variants up to date, compare them and renew the report.

    Raises:
        ValueError: `only` has a name of no variant, or params.yaml is wrong.
        ChildProcessError: a training failed.
    """
    settings = StudySettings.load()
    check_comparable(settings)
    trainings = select_variants(settings, only)
    _logger.info(announcement(trainings, pending_variants(trainings)))
    dvc_repro("report", *map(stage_name, trainings))
    dvc_repro("--single-item", f"{STUDY}:gain")
    dvc_repro("--force", "--single-item", "report")
