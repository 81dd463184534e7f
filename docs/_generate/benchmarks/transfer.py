"""Gain of pretraining and of teachers."""

from docs._generate.benchmarks.results import METRICS, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the first metrics with a pretrained encoder and with teachers, on test."""
    bundle = next(iter(load_result("transfer")["bundles"].values()))
    gains = bundle["models"]["plain"]["gain"]["1"]["tasks"]
    rows = [
        (name, *(f"{model['test'][task][gains[task]['metric']]['mean']:.3f}" for task in gains))
        for name, model in bundle["models"].items()
    ]
    header = ["model", *(f"`{task}`, {METRICS[gain['metric']]}" for task, gain in gains.items())]
    return table(header, rows) + "\n" + origin(bundle)
