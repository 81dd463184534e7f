"""Reports of a training in progress, and the functions that receive them."""

from collections.abc import Callable
from dataclasses import dataclass

from mgm.training.cost import EpochCost
from mgm.training.wide_solver import SolvedTask


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The results of one epoch."""

    epoch: int
    losses: dict[str, float]
    """The mean loss of each task over the epoch's batches, unweighted."""
    weights: dict[str, float]
    """The factor of each task's loss after this epoch, as set or learned."""
    metrics: dict[str, float]
    """The first metric of each task on validation, with the weight of the wide part that is best for it there."""
    score: float
    """The mean of `metrics`; early stopping goes by it."""
    is_best: bool
    """Whether no epoch before it has a score as high."""
    learning_rate: float
    passes: dict[str, float]
    """The number of passes over the rows of each corpus, in this epoch."""
    task_passes: dict[str, float]
    """The number of passes over the labelled rows of each task, in all epochs so far."""
    cost: EpochCost


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """The position of a training within an epoch: `done` of its `total` batches."""

    epoch: int
    done: int
    total: int


def _ignore(_: object) -> None:
    """Do nothing."""


@dataclass
class Callbacks:
    """Functions that a training calls while it runs. Epochs that a checkpoint brings back are reported again."""

    on_solved: Callable[[SolvedTask], object] = _ignore
    """Called after the wide weights of a task are solved for."""
    on_step: Callable[[StepReport], object] = _ignore
    """Called after each batch."""
    on_epoch: Callable[[EpochReport], object] = _ignore
    """Called after each epoch."""
    on_resume: Callable[[int], object] = _ignore
    """Called once, before any other, with the last epoch that a resumed checkpoint holds."""
