"""Optional methods of mgm/experiments/methods by the names that settings have. They are imported only when a setting names one.

Why they stand apart, and the rule that nothing imports them: mgm/experiments/methods/README.md.
"""

from importlib import import_module
from typing import Any

OPTIONAL_METHODS: dict[str, dict[str, str]] = {
    "sharing": {
        "cascade": "mgm.experiments.methods.sharing.cascade:CascadeSharing",
        "mmoe": "mgm.experiments.methods.sharing.mmoe:MmoeSharing",
        "ple": "mgm.experiments.methods.sharing.ple:PleSharing",
    },
    "weighting": {
        "uncertainty": "mgm.experiments.methods.weighting.uncertainty:UncertaintyWeighting",
        "random": "mgm.experiments.methods.weighting.random:RandomWeighting",
        "famo": "mgm.experiments.methods.weighting.famo:FamoWeighting",
        "torchjd": "mgm.experiments.methods.weighting.aggregated:AggregatedWeighting",
    },
    "augmentation": {
        "random": "mgm.experiments.methods.augmentation:RandomAugmentation",
    },
}
"""Role to name to `module:attribute`; flows/stage_dependencies.py reads the modules from these literals."""


def load_method(role: str, name: str) -> Any:
    """Return the class of an optional method.

    Raises:
        KeyError: there is no such role or name.
    """
    module, _, attribute = OPTIONAL_METHODS[role][name].partition(":")
    return getattr(import_module(module), attribute)
