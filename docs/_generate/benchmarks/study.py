"""Gain of one model for all tasks."""

from typing import Any

from docs._generate.benchmarks.results import METRICS, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return each task's gain of being trained with the others."""
    bundle = next(iter(load_result("study")["bundles"].values()))
    rows = [
        (f"`{task}`", METRICS[gain["metric"]], f"{gain['other']:.3f}", f"{gain['multi']:.3f}", _gain(gain))
        for task, gain in bundle["gain"].items()
    ]
    rows.append(("mean", "", "", "", _gain(bundle["mean"])))
    return table(["task", "metric", "trained alone", "jointly", "gain"], rows) + "\n" + origin(bundle)


def _gain(gain: dict[str, Any]) -> str:
    return f"{gain['gain']:+.1%} [{gain['low']:+.1%}, {gain['high']:+.1%}]"
