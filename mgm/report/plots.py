"""Inline SVG for the report: no script, no request, colours from the page's own style sheet."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup, escape

Points = Sequence[tuple[float, float]]
At = Callable[[float, float], tuple[float, float]]
"""The function from values (x, y) to the place in a plot."""

_WIDTH, _HEIGHT = 300, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 10, 24
_MAX_DOTS = 45
"""The most points of a line by date that are drawn as dots too; more would run into each other."""


def interval_plot(
    value: float | None,
    *,
    low: float | None,
    high: float | None,
    majority: float | None,
    linear: float | None,
    single: float | None,
) -> Markup:
    """Draw a metric on the scale 0 to 1: its interval as a bar, its value as a dot, and marks for those that it is compared with.

    Args:
        value, low, high: the metric and its interval.
        majority: the metric of the majority, a line.
        linear: that of n-grams alone, a triangle.
        single: that of the single-task model, a diamond.
    """
    width, middle = 180, 11

    def x(v: float) -> str:
        return f"{6 + min(max(v, 0.0), 1.0) * (width - 12):.1f}"

    shapes = [f'<line class="axis" x1="6" x2="{width - 6}" y1="{middle}" y2="{middle}"/>']
    shapes += [
        f'<line class="axis" x1="{x(v)}" x2="{x(v)}" y1="{middle - 3}" y2="{middle + 3}"/>'
        for v in (0, 0.5, 1)
    ]
    captions = []
    if majority is not None:
        shapes.append(f'<line class="majority" x1="{x(majority)}" x2="{x(majority)}" y1="3" y2="19"/>')
        captions.append(f"majority {majority:.3f}")
    if linear is not None:
        at = float(x(linear))
        shapes.append(f'<path class="linear" d="M{at - 4.5:.1f} 2h9l-4.5 8z"/>')
        captions.append(f"n-grams alone {linear:.3f}")
    if single is not None:
        at = float(x(single))
        shapes.append(f'<path class="single" d="M{at:.1f} 5.5l5 5.5l-5 5.5l-5-5.5z"/>')
        captions.append(f"single-task {single:.3f}")
    if low is not None and high is not None:
        shapes.append(f'<line class="interval" x1="{x(low)}" x2="{x(high)}" y1="{middle}" y2="{middle}"/>')
        captions.insert(0, f"interval {low:.3f} to {high:.3f}")
    if value is not None:
        shapes.append(f'<circle class="value" cx="{x(value)}" cy="{middle}" r="4.2"/>')
        captions.insert(0, f"value {value:.3f}")
    label = escape(", ".join(captions) or "no value")
    return Markup(
        f'<svg class="range" viewBox="0 0 {width} 22" width="{width}" height="22" '
        f'role="img" aria-label="{label}">'
        f"{''.join(shapes)}</svg>"
    )


def line_plot(
    title: str,
    lines: Mapping[str, Points],
    *,
    x_bounds: tuple[float, float] | None = None,
    y_bounds: tuple[float, float] | None = None,
    has_diagonal: bool = False,
) -> Markup:
    """Draw lines of points (x, y) over the same axes, each labelled in the legend; points that are not finite are left out.

    Args:
        x_bounds, y_bounds: of the axes; without them those of the values, x being whole numbers.
        has_diagonal: whether the diagonal of the axes is drawn, to compare with.
    """
    finite = _finite(lines)
    all_points = [p for points in finite.values() for p in points]
    if not all_points:
        return Markup("")
    x_ticks = _ticks(*(x_bounds or _bounds([x for x, _ in all_points])), whole=x_bounds is None)
    y_ticks = _ticks(*(y_bounds or _bounds([y for _, y in all_points])))
    at = _scale((x_ticks[0], x_ticks[-1]), (y_ticks[0], y_ticks[-1]))
    shapes = _y_axis(x_ticks[0], y_ticks, at=at, in_words="{:g}".format)
    for x in x_ticks:
        px, _ = at(x, y_ticks[0])
        shapes.append(f'<text x="{px:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{x:g}</text>')
    if has_diagonal:
        (x1, y1), (x2, y2) = at(x_ticks[0], y_ticks[0]), at(x_ticks[-1], y_ticks[-1])
        shapes.append(f'<line class="diagonal" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    return _figure(title, [*shapes, *_polylines(finite, at, with_dots=True)], names=list(finite))


class DateMark(NamedTuple):
    """A vertical line at a date: its CSS class, and its caption."""

    day: date
    kind: str
    caption: str


def daily_plot(
    title: str,
    lines: Mapping[str, Sequence[tuple[date, float]]],
    *,
    days: tuple[date, date],
    levels: Mapping[str, float] | None = None,
    marks: Sequence[DateMark] = (),
    y_bounds: tuple[float, float] | None = None,
) -> Markup:
    """Draw lines of values by date, each labelled in the legend; values that are not finite are left out.

    Args:
        days: the first and the last date of the axis.
        levels: values to compare with by name, drawn from left to right.
        marks: dates to point out.
        y_bounds: of the axis; without them from 0 to the largest value or level.
    """
    finite = _finite({name: [(day.toordinal(), y) for day, y in points] for name, points in lines.items()})
    values = [y for points in finite.values() for _, y in points]
    if not values:
        return Markup("")
    levels = levels or {}
    low, high = min(0.0, *values), max(*values, *levels.values(), 0.0)
    y_ticks = _ticks(*(y_bounds or (low, high if high > low else 1.0)))
    first, last = days[0].toordinal(), days[1].toordinal()
    x_bounds = (first, last) if first < last else (first - 1, last + 1)
    at = _scale(x_bounds, (y_ticks[0], y_ticks[-1]))
    shapes = _y_axis(x_bounds[0], y_ticks, at=at, in_words=_short_number)
    middle = (first + last) // 2
    for anchor, day in (("start", first), ("middle", middle), ("end", last)):
        if anchor == "middle" if first == last else anchor != "middle" or last - first > 1:
            px, _ = at(day, y_ticks[0])
            shapes.append(
                f'<text x="{px:.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{date.fromordinal(day)}</text>'
            )
    for name, level in levels.items():
        _, py = at(first, level)
        shapes.append(
            f'<line class="level" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{py:.1f}" y2="{py:.1f}">'
            f"<title>{escape(name)} {level:g}</title></line>"
        )
    for mark in marks:
        px, _ = at(mark.day.toordinal(), 0)
        shapes.append(
            f'<line class="mark {escape(mark.kind)}" x1="{px:.1f}" x2="{px:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}">'
            f"<title>{mark.day}: {escape(mark.caption)}</title></line>"
        )
    with_dots = max(map(len, finite.values())) <= _MAX_DOTS
    return _figure(title, [*shapes, *_polylines(finite, at, with_dots=with_dots)], names=list(finite))


def _finite(lines: Mapping[str, Points]) -> dict[str, list[tuple[float, float]]]:
    """Return the points whose coordinates are finite, by line."""
    return {
        n: [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)] for n, points in lines.items()
    }


def _scale(x_bounds: tuple[float, float], y_bounds: tuple[float, float]) -> At:
    """Return the function from values to the place in the plot."""

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_bounds[0]) / (x_bounds[1] - x_bounds[0])
        up = (y - y_bounds[0]) / (y_bounds[1] - y_bounds[0])
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    return at


def _y_axis(left: float, ticks: Sequence[float], *, at: At, in_words: Callable[[float], str]) -> list[str]:
    shapes = []
    for y in ticks:
        _, py = at(left, y)
        shapes.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{py:.1f}" y2="{py:.1f}"/>')
        shapes.append(f'<text x="{_LEFT - 5}" y="{py + 3.5:.1f}" text-anchor="end">{in_words(y)}</text>')
    return shapes


def _polylines(lines: Mapping[str, Points], at: At, *, with_dots: bool) -> list[str]:
    shapes = []
    for number, points in enumerate(lines.values()):
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(x, y) for x, y in points))
        shapes.append(f'<polyline class="line c{number % 6}" points="{path}"/>')
        shapes += [
            f'<circle class="dot c{number % 6}" cx="{px:.1f}" cy="{py:.1f}" r="2.4"/>'
            for px, py in (at(x, y) for x, y in points if with_dots)
        ]
    return shapes


def _figure(title: str, shapes: Sequence[str], *, names: Sequence[str]) -> Markup:
    """Return the plot with its title, and a legend where it has several lines."""
    legend = "".join(
        f'<span><i class="c{number % 6}"></i>{escape(name)}</span>'
        for number, name in enumerate(names)
        if len(names) > 1
    )
    return Markup(
        f'<figure class="plot"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(shapes)}</svg>"
        f'<div class="legend">{legend}</div></figure>'
    )


def _short_number(value: float) -> str:
    """Return a number in few characters: 25000 is 25k."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if abs(value) >= 1e4 else f"{value:g}"


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return three to six round values that enclose [low, high]."""
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 4
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough)
    step = max(1.0, math.ceil(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]


_BAR, _BARS_HEIGHT, _LABEL_HEIGHT = 9, 26, 12


def _bin_index(bound: int) -> int:
    """Return the index of the bin whose lower bound is 0 or a power of two."""
    return bound.bit_length()


def histogram(bins: Mapping[int, int], last: int) -> Markup:
    """Draw counts by the bins' lower bounds (0 and the powers of two) as bars, on an axis that ends with the bin `last`."""
    most = max(bins.values(), default=0)
    total = sum(bins.values())
    shapes = []
    for bound, n in sorted(bins.items()):
        # a bar of few documents stays visible
        height = max(n / most * (_BARS_HEIGHT - 2), 1.0) if n else 0.0
        covers = f"{bound:,}" if bound < 2 else f"{bound:,} to {2 * bound - 1:,}"
        shapes.append(
            f'<rect x="{_bin_index(bound) * _BAR + 1}" width="{_BAR - 1.5}" y="{_BARS_HEIGHT - height:.1f}" '
            f'height="{height:.1f}"><title>{covers}: {n:,} of {total:,} documents</title></rect>'
        )
    width = (_bin_index(last) + 1) * _BAR + 1
    return Markup(
        f'<svg class="bars" viewBox="0 0 {width} {_BARS_HEIGHT}" width="{width}" height="{_BARS_HEIGHT}" '
        f'role="img" aria-label="histogram of {total:,} documents">{"".join(shapes)}'
        f'<line class="axis" x1="0" x2="{width}" y1="{_BARS_HEIGHT}" y2="{_BARS_HEIGHT}"/></svg>'
    )


def histogram_axis(last: int) -> Markup:
    """Draw the lower bounds of every fourth bin, to stand above or below histograms with this `last` bin."""
    width = (_bin_index(last) + 1) * _BAR + 1
    places = range(1, _bin_index(last) + 1, 4)
    shapes = [
        f'<text x="{place * _BAR + 1}" y="{_LABEL_HEIGHT - 3}">{_short(1 << (place - 1))}</text>'
        for place in places
    ]
    # the last label may stick out to the right
    return Markup(
        f'<svg class="bars" viewBox="0 0 {width + 2 * _BAR} {_LABEL_HEIGHT}" width="{width + 2 * _BAR}" '
        f'height="{_LABEL_HEIGHT}" aria-hidden="true">{"".join(shapes)}</svg>'
    )


def _short(bound: int) -> str:
    """Return a power of two in short: 4096 is 4k."""
    for unit, size in (("M", 1 << 20), ("k", 1 << 10)):
        if bound >= size:
            return f"{bound // size}{unit}"
    return str(bound)


def share_bar(parts: Mapping[str, int]) -> Markup:
    """Draw one bar cut by the shares of its parts, in the colours c0, c1, ..."""
    total, width, at = sum(parts.values()), 120.0, 0.0
    shapes, captions = [], []
    for number, (name, n) in enumerate(parts.items()):
        if not n:
            continue
        size = n / total * width
        shapes.append(
            f'<rect class="c{number % 6}" x="{at:.1f}" width="{max(size, 0.6):.1f}" height="10">'
            f"<title>{escape(name)}: {n:,}</title></rect>"
        )
        captions.append(f"{name} {n / total:.1%}")
        at += size
    return Markup(
        f'<svg class="shares" viewBox="0 0 {width:.0f} 10" width="{width:.0f}" height="10" role="img" '
        f'aria-label="{escape(", ".join(captions) or "none")}">{"".join(shapes)}</svg>'
    )
