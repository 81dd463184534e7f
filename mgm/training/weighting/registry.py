"""The weighting that the settings name: the weighted sum, or an optional method."""

from mgm.optional_methods import OPTIONAL_METHODS, load_method
from mgm.settings.training import TrainSettings
from mgm.training.weighting.weighting import Weighting


def make_weighting(settings: TrainSettings, tasks: list[str]) -> Weighting:
    """Return the weighting of these tasks.

    Raises:
        ValueError: an aggregator whose library is not installed, or arguments that it does not take.
    """
    name = settings.weighting
    if name == "static":
        return Weighting(tasks, settings.weights)
    weighting: Weighting
    if name in OPTIONAL_METHODS["weighting"]:
        weighting = load_method("weighting", name)(tasks, settings.weights)
    else:
        aggregated = load_method("weighting", "torchjd")
        weighting = aggregated(tasks, settings.weights, name=name, options=settings.aggregator)
    return weighting
