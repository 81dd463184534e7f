"""The weighting that the settings name."""

from mgm.settings.training import TrainSettings
from mgm.training.weighting.aggregated import AggregatedWeighting
from mgm.training.weighting.famo import FamoWeighting
from mgm.training.weighting.random import RandomWeighting
from mgm.training.weighting.uncertainty import UncertaintyWeighting
from mgm.training.weighting.weighting import Weighting

WEIGHTINGS: dict[str, type[Weighting]] = {
    "static": Weighting,
    "uncertainty": UncertaintyWeighting,
    "random": RandomWeighting,
    "famo": FamoWeighting,
}


def make(settings: TrainSettings, tasks: list[str]) -> Weighting:
    """The weighting of these tasks.

    Raises:
        ValueError: an aggregator whose library is not installed, or arguments that are not its own.
    """
    if settings.weighting in WEIGHTINGS:
        return WEIGHTINGS[settings.weighting](tasks, settings.weights)
    return AggregatedWeighting(tasks, settings.weights, name=settings.weighting, options=settings.aggregator)
