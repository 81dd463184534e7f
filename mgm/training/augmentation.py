"""Training documents that are altered at random, anew in each batch; the methods are optional ones."""

from collections.abc import Sequence
from typing import Protocol

from mgm.model.batch import Batch
from mgm.model.mixup import Mixup
from mgm.optional_methods import load_method
from mgm.settings.training import AugmentationSettings
from mgm.tasks import Task


class Augmentation(Protocol):
    """Alters batches. It draws from torch's random state, which training seeds for each epoch."""

    def augment(self, batch: Batch) -> Batch:
        """Return the batch with altered words."""

    def draw_mixup(self, batch: Batch) -> Mixup | None:
        """Return which documents of the batch are mixed, or None where none are."""


def make_augmentation(settings: AugmentationSettings, tasks: Sequence[Task]) -> Augmentation | None:
    """Return the augmentation of the settings; None where all of it is off."""
    if not (settings.delete or settings.swap or settings.mask or settings.mixup):
        return None
    word_tasks = frozenset(task.name for task in tasks if task.spec.predicts_words)
    augmentation: Augmentation = load_method("augmentation", "random")(settings, word_tasks)
    return augmentation
