"""Gain of weightings, sharings and augmentations."""

from typing import Any

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return what each weighting, sharing and augmentation gains over the plain sum, in percent of first metrics."""
    bundles = load_result("recipes-few2000")["bundles"]
    header, columns = ["recipe"], []
    for name, bundle in bundles.items():
        header += [f"{name.replace('+', ', ')}: valid", "test"]
        columns.append(bundle["recipes"])
    rows = [
        (
            recipe,
            *(
                _difference(column.get(recipe, {}), split)
                for column in columns
                for split in ("valid", "test")
            ),
        )
        for recipe in columns[0]
        if recipe != "plain"
    ]
    return table(header, rows) + "\n" + "".join(origin(bundle) for bundle in bundles.values())


def _difference(recipe: dict[str, Any], split: str) -> str:
    difference = recipe.get(f"{split}_against_plain")
    if difference is None:
        return ""
    by_seed = zip(*(task["values"] for task in difference["tasks"].values()), strict=True)
    values = ", ".join(f"{sum(seed) / len(seed):+.1%}" for seed in by_seed)
    return f"{difference['mean']:+.1%} ({values})"
