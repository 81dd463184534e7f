"""Optional methods of mgm/experiments/methods by the names that settings have. They are imported only when a setting names one.

Why they stand apart, and the rule that nothing imports them: mgm/experiments/methods/README.md.
"""

from importlib import import_module
from typing import Any

_ROOM = "mgm.experiments.methods"

OPTIONAL_METHODS: dict[str, dict[str, str]] = {
    "weighting": {
        "uncertainty": f"{_ROOM}.weighting.uncertainty:UncertaintyWeighting",
        "random": f"{_ROOM}.weighting.random:RandomWeighting",
        "famo": f"{_ROOM}.weighting.famo:FamoWeighting",
        "torchjd": f"{_ROOM}.weighting.aggregated:AggregatedWeighting",
    },
    "augmentation": {
        "random": f"{_ROOM}.augmentation:RandomAugmentation",
    },
}
"""Role to name to `module:attribute`."""


def load_method(role: str, name: str) -> Any:
    """Return the class of an optional method.

    Raises:
        KeyError: there is no such role or name.
    """
    module, _, attribute = OPTIONAL_METHODS[role][name].partition(":")
    return getattr(import_module(module), attribute)
