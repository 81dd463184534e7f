"""Training of ordered classes: early stopping goes by the accuracy."""

from mgm.training.kinds import Pair
from mgm.training.kinds.classification import ClassificationTraining


class OrdinalTraining(ClassificationTraining):
    """Classification but for the metric."""

    def metric(self, pair: Pair, num_labels: int) -> float:
        """Return the share of documents whose likeliest class is their label."""
        return float((pair.predicted.argmax(axis=1) == pair.truth).mean())
