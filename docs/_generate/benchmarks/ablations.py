"""Worth of each part of the model."""

from typing import Any

from docs._generate.benchmarks.results import load_result
from docs._generate.markdown import table


def render() -> str:
    """Return what each part is worth: the joint model minus the variant without it, in points."""
    bundle = next(iter(load_result("study")["bundles"].values()))
    tasks = list(bundle["gain"])
    rows = [
        (name.removeprefix("ablations/"), *(_points(tests.get(task)) for task in tasks))
        for name, tests in bundle["differences"].items()
    ]
    return table(["without", *(f"`{task}`" for task in tasks)], rows)


def _points(test: dict[str, Any] | None) -> str:
    if test is None:
        return ""
    shown = f"{100 * test['difference']:+.1f}"
    return f"**{shown}**" if test["shown"] != "no difference shown" else shown
