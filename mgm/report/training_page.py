"""The report's section about training: what it logged, and its own facts."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mgm.evaluation.run_files import Sources
from mgm.report.plots import line_plot

LISTS = ("epochs", "tasks")
"""What reports/training.json says of each epoch and task, which the plots show."""


@dataclass(frozen=True)
class TrainingPage:
    """A plot for each first part of a series' name, and facts in words."""

    plots: list[Markup]
    facts: list[tuple[str, str]]


def training_page(sources: Sources) -> TrainingPage:
    """Reads reports/live and reports/training.json."""
    families: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, points in sources.curves().items():
        family, _, rest = name.partition("/")
        families.setdefault(family, {})[rest or family] = points
    facts = sources.json("reports", "training.json") or {}
    return TrainingPage(
        [line_plot(family.replace("_", " "), lines) for family, lines in sorted(families.items())],
        [(name, _plain(value)) for name, value in facts.items() if name not in LISTS],
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
