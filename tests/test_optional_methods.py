"""Optional methods are found by the names that settings have."""

import pytest

from mgm.model.sharing.sharing import Sharing
from mgm.optional_methods import OPTIONAL_METHODS, load_method
from mgm.settings.training import WEIGHTINGS
from mgm.training.weighting.weighting import Weighting

BASES = {"sharing": Sharing, "weighting": Weighting}
METHODS = [(role, name) for role, names in OPTIONAL_METHODS.items() for name in names]


@pytest.mark.parametrize(("role", "name"), METHODS, ids=["-".join(method) for method in METHODS])
def test_a_method_is_loaded_by_its_name(role: str, name: str) -> None:
    method = load_method(role, name)
    assert method.__module__.startswith("mgm.experiments.methods.")
    assert issubclass(method, BASES.get(role, object))


def test_the_settings_know_every_weighting() -> None:
    """The aggregators of TorchJD, which share one class, have names of their own."""
    assert OPTIONAL_METHODS["weighting"].keys() - {"torchjd"} < set(WEIGHTINGS)
