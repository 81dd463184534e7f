"""The search space of params.yaml (`tune.space`) as Optuna's distributions, and trials as values of settings."""

import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from mgm.settings.search import SearchSettings
from mgm.settings.settings import PARAMS, Settings

DIGITS = 3
"""The significant digits of a number that is tried; more would change nothing, and people read params.yaml."""


def distributions(settings: Settings) -> dict[str, BaseDistribution]:
    """Return the search space by the full names of settings.

    Raises:
        ValueError: it is empty but for tasks that are not trained, or has the width of words that come with vectors.
    """
    space = settings.search_space()
    if not space:
        raise ValueError(
            f"{PARAMS}: tune.space has no setting that is trained; expected some with a range or choices"
        )
    if "model.width" in space and settings.text.vectors.source != "none":
        raise ValueError(
            f"{PARAMS}: tune.space.model.width: the vectors that words start from have one width; take it out, or set "
            "text.vectors.source: none"
        )
    present = settings.tunable()
    return {name: _distribution(search, _is_whole(present[name])) for name, search in sorted(space.items())}


def initial_trial(settings: Settings) -> dict[str, Any]:
    """Return the present settings as a trial, with which the search begins.

    Raises:
        ValueError: one is outside its range, or none of its choices.
    """
    present, trial = settings.tunable(), {}
    for name, search in sorted(settings.search_space().items()):
        value = present[name]
        if not _contains(search, value):
            options = f"choices {search.choices}" if search.choices else f"{search.low:g} to {search.high:g}"
            raise ValueError(
                f"{PARAMS}: tune.space.{name}: the present value {value!r} is not among what is tried ({options}); the "
                "search begins with it: widen the space"
            )
        trial[name] = value if search.choices is None else json.dumps(value)
    return trial


def trial_values(settings: Settings, suggested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a trial: numbers of DIGITS significant digits within their range, and choices."""
    values: dict[str, Any] = {}
    for name, value in sorted(suggested.items()):
        search = settings.tune.space[name]
        if search.choices is not None:
            values[name] = json.loads(value)
        elif isinstance(value, float):
            assert search.low is not None and search.high is not None
            values[name] = min(max(float(f"{value:.{DIGITS}g}"), search.low), search.high)
        else:
            values[name] = value
    return values


def _distribution(search: SearchSettings, is_whole: bool) -> BaseDistribution:
    if search.choices is not None:
        # as JSON, since a choice may be a list
        return CategoricalDistribution([json.dumps(choice) for choice in search.choices])
    assert search.low is not None and search.high is not None
    if is_whole:
        return IntDistribution(int(search.low), int(search.high), search.log, int(search.step or 1))
    return FloatDistribution(search.low, search.high, search.log, search.step)


def _contains(search: SearchSettings, value: Any) -> bool:
    if search.choices is not None:
        return value in search.choices
    assert search.low is not None and search.high is not None
    if value is None or not search.low <= value <= search.high:
        return False
    steps = (value - search.low) / search.step if search.step else 0.0
    return abs(steps - round(steps)) < 1e-6


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
