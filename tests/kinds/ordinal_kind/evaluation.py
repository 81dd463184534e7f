"""Evaluation of ordered classes: the accuracy comes first."""

import numpy as np

from mgm.evaluation.items import Items
from mgm.evaluation.kinds import ClassificationEvaluation
from mgm.evaluation.sufficient_statistics import Sums


class OrdinalEvaluation(ClassificationEvaluation):
    """Classification with the accuracy as the first metric."""

    def item_metrics(self, items: Items, sums: Sums) -> dict[str, np.ndarray]:
        """Return the metrics of classification, the accuracy first."""
        metrics = super().item_metrics(items, sums)
        return {"accuracy": metrics.pop("accuracy")} | metrics
