"""The fits of the candidate: the first on train, by which all is tuned, and with `train.refit` a second one on more splits.

The state of each is kept until the stage has written its results, so that a killed run repeats no epoch of either.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from flows.training_run import Console, checkpoint, prepare
from mgm.settings.views.training import TrainingSettings
from mgm.tasks import Task
from mgm.training.callbacks import Callbacks
from mgm.training.checkpoint import Checkpoint
from mgm.training.fit import FitResult, Plan, fit

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A plan, the network that was trained by it, and the place of the training's state."""

    plan: Plan
    result: FitResult
    checkpoint: Checkpoint


def fit_first(
    settings: TrainingSettings, tasks: Sequence[Task], *, callbacks: Callbacks | None = None
) -> Fit:
    """Train on train, and tune all decisions on validation."""
    plan = prepare(settings, tasks)
    state = checkpoint("train", settings, tasks=tasks)
    return Fit(plan=plan, result=fit(plan, settings, checkpoint=state, callbacks=callbacks), checkpoint=state)


def fit_again(settings: TrainingSettings, tasks: Sequence[Task], *, first: Fit) -> Fit | None:
    """Train a new network on the splits of `train.refit`, as the first fit was tuned; None where it is `none`.

    It has the first fit's initial weights, schedule of the learning rate and seed, and ends after its best epoch: an epoch has more
    steps, as there are more documents.
    """
    if not settings.train.refit_splits:
        return None
    epochs = first.result.training.best_epoch
    _logger.info(
        f"fitting again on {', '.join(settings.train.refit_splits)} (train.refit: {settings.train.refit}), "
        f"{epochs} of {settings.train.epochs} epochs"
    )
    plan = prepare(settings, tasks, is_refit=True)
    state = checkpoint("refit", settings, tasks=tasks)
    result = fit(
        plan,
        settings,
        checkpoint=state,
        callbacks=Console(settings.train.epochs),
        decisions=first.result.decisions,
        stop_after_epoch=epochs,
    )
    return Fit(plan=plan, result=result, checkpoint=state)
