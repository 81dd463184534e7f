"""A figure of how good each model is on debian and how many documents a second it scores, as SVG within the page."""

import math
from html import escape
from typing import Any, NamedTuple

from docs._generate.benchmarks.results import FIRST_METRICS, MODELS, has_result, load_result, origin
from docs._generate.markdown import table

_CORPUS = "debian"
_SCORED_AS = {"linear": "linear", "fasttext": "fasttext", "mgm-fast": "mgm"}
"""The models of scoring.json by their names in quality.json."""
_WANTED = ("mgm-fast", "mgm-full", "fasttext", "linear", "minilm", "minilm-joint")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 320, 52, 20, 16, 40


class _Model(NamedTuple):
    """A point: documents a second, and the mean of the tasks' first metrics."""

    name: str
    speed: float
    quality: float


def render() -> str:
    """Return the figure, its numbers, and which models are left out and why."""
    bundle, scoring = load_result("quality")["bundles"][_CORPUS], load_result("scoring")
    qualities = {model: _quality(bundle, model) for model in _WANTED}
    speeds = {model: _speed(bundle, scoring, model) for model in _WANTED}
    points, missing = [], []
    for model in _WANTED:
        quality, speed = qualities[model], speeds[model]
        if quality is not None and speed is not None:
            points.append(_Model(MODELS[model], speed, quality))
        else:
            what = " and ".join(
                word for word, value in (("quality", quality), ("speed", speed)) if value is None
            )
            missing.append(f"{MODELS[model]} ({what})")
    rows = [(point.name, f"{point.quality:.3f}", f"{point.speed:,.0f}") for point in points]
    left_out = f"Left out, since not all of it is measured yet: {'; '.join(missing)}.\n\n" if missing else ""
    numbers = table(["model", "mean of the tasks' first metrics", "documents/s"], rows)
    return f"{_figure(points)}\n\n{numbers}\n{left_out}{origin(scoring)}"


def _quality(bundle: dict[str, Any], model: str) -> float | None:
    """Return the mean over the tasks, None where one of them is not measured."""
    tasks = bundle["models"].get(model, {})
    if set(tasks) != set(bundle["classes"]):
        return None
    firsts = [
        next(metrics[name]["mean"] for name in FIRST_METRICS if name in metrics) for metrics in tasks.values()
    ]
    return sum(firsts) / len(firsts)


def _speed(bundle: dict[str, Any], scoring: dict[str, Any], model: str) -> float | None:
    """Return documents a second for all tasks, in one process: of scoring's results, or of MiniLM's own run."""
    if model in _SCORED_AS:
        return float(scoring["speeds"][f"{_SCORED_AS[model]}, 1 process"]["documents_per_second"])
    if model == "mgm-full":
        # a second run of the same benchmark, with a bundle of that preset
        full = load_result("scoring-full") if has_result("scoring-full") else None
        return float(full["speeds"]["mgm, 1 process"]["documents_per_second"]) if full else None
    runs = [next(iter(seeds.values())) for seeds in bundle["results"].get(model, {}).values()]
    if {task for run in runs for task in run["tasks"]} != set(bundle["classes"]):
        return None
    # one after the other
    return 1 / sum(run["scoring"]["cpu_seconds"] / run["scoring"]["documents"] for run in runs)


def _figure(points: list[_Model]) -> str:
    exponents = [math.log10(point.speed) for point in points]
    left, right = math.floor(min(exponents)), math.ceil(max(exponents))
    low = math.floor(min(point.quality for point in points) * 50 - 0.5) / 50
    high = math.ceil(max(point.quality for point in points) * 50 + 0.5) / 50

    def across(speed: float) -> float:
        share = (math.log10(speed) - left) / max(right - left, 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def down(quality: float) -> float:
        return _HEIGHT - _BOTTOM - (quality - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    shapes = []
    for number in range(round((high - low) * 50) + 1):
        value = low + number / 50
        shapes.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{down(value):.1f}" y2="{down(value):.1f}" stroke="currentColor" opacity=".2"/>'
            f'<text x="{_LEFT - 6}" y="{down(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        )
    ticks = [step * 10**power for power in range(left, right + 1) for step in (1, 2, 5)]
    for tick in [tick for tick in ticks if tick <= 10**right]:
        shapes.append(
            f'<text x="{across(tick):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:,}</text>'
        )
    for point in points:
        x, y = across(point.speed), down(point.quality)
        # a label that would leave the figure stands to the left of its dot
        anchor, shift = ("end", -9) if x > _WIDTH - 140 else ("start", 9)
        shapes.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="currentColor"/>'
            f'<text x="{x + shift:.1f}" y="{y - 8:.1f}" text-anchor="{anchor}">{escape(point.name.replace("`", ""))}</text>'
        )
    shapes.append(
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">documents a second in one process</text>'
    )
    title = f"Quality and speed on {_CORPUS}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}" font-size="12" fill="currentColor" '
        f'style="max-width: {_WIDTH}px">{"".join(shapes)}</svg>'
    )
