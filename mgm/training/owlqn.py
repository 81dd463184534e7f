"""Minimises a smooth convex function plus an L1 penalty: orthant-wise limited-memory quasi-Newton.

SciPy's L-BFGS-B knows no such penalty; to split every variable into its positive and its negative part would double them.

Axes: n variables. Source: Andrew and Gao 2007, "Scalable Training of L1-Regularized Log-Linear Models".
"""

import math
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Function = Callable[[Vector], tuple[float, Vector]]
"""A function that returns its value and its gradient (n,) at a point (n,)."""

MEMORY = 6
"""The number of past steps that the curvature is estimated from."""
PERIOD = 10
"""The iterations over which the decrease of the function is compared with the tolerance."""
_SUFFICIENT = 1e-4
_SHORTEST_STEP = 1e-10
_MOST_SHORTENED = 0.1


def minimize(
    function: Function,
    start: Vector,
    *,
    l1: Vector,
    curvature: Vector,
    max_passes: int,
    tolerance: float = 1e-4,
) -> Vector:
    """Return the point where `function` plus the penalty is least.

    Variables of very different curvature take many passes if all begin with the same one. The first step is the slope over
    `curvature`. It changes on the way, for a likelihood towards 0 where a variable decides: the quasi-Newton directions begin with
    its square root instead, which took the fewest passes of all powers.

    Args:
        function: a smooth convex function.
        start: (n,) the first point.
        l1: (n,) the penalty of each variable's absolute value.
        curvature: (n,) the second derivative in each variable, about, at the first point; no less there is safer than too little.
        max_passes: the number of calls of the function after which the present point is returned.
        tolerance: the relative decrease over `PERIOD` iterations below which it is returned, too.
    """
    x = start.copy()
    value, gradient = function(x)
    value += _penalty(x, l1)
    past: deque[tuple[Vector, Vector]] = deque(maxlen=MEMORY)
    values = deque([value], maxlen=PERIOD + 1)
    passes, scale = 1, 1 / np.sqrt(curvature)
    while passes < max_passes:
        slope = _pseudo_gradient(x, gradient, l1=l1)
        direction = _direction(slope, past, scale=scale) if past else -slope / curvature
        # a direction against the slope in one variable would leave the orthant where the slope holds
        direction[direction * slope >= 0] = 0
        descent = float(direction @ slope)
        if descent == 0:
            break
        sign = np.where(x != 0, np.sign(x), -np.sign(slope))
        step = 1.0
        while step > _SHORTEST_STEP and passes < max_passes:
            passes += 1
            moved = x + step * direction
            moved[(moved * sign < 0) & (l1 > 0)] = 0
            moved_value, moved_gradient = function(moved)
            moved_value += _penalty(moved, l1)
            if moved_value <= value + _SUFFICIENT * float(slope @ (moved - x)):
                break
            step *= _shorter(value, moved_value, descent=descent * step)
        else:
            break
        past.append((moved - x, moved_gradient - gradient))
        if float(past[-1][0] @ past[-1][1]) <= 0:
            past.pop()
        x, value, gradient = moved, moved_value, moved_gradient
        values.append(value)
        if len(values) > PERIOD and values[0] - value < tolerance * abs(value):
            break
    return x


def _shorter(value: float, moved_value: float, *, descent: float) -> float:
    """Return by what to multiply a step that was too long: to where the parabola through both values is least, within bounds."""
    if not math.isfinite(moved_value):
        return _MOST_SHORTENED
    return min(max(-descent / (2 * (moved_value - value - descent)), _MOST_SHORTENED), 0.5)


def _penalty(x: Vector, l1: Vector) -> float:
    return float(l1 @ np.abs(x))


def _pseudo_gradient(x: Vector, gradient: Vector, *, l1: Vector) -> Vector:
    """Return the slope (n,) of the function with its penalty; at 0 that of the side where it falls, or 0."""
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    return np.where(x == 0, at_zero, gradient + np.sign(x) * l1)


def _direction(slope: Vector, past: deque[tuple[Vector, Vector]], *, scale: Vector) -> Vector:
    """Return the quasi-Newton direction (n,) by the past steps and the differences of the gradient, of which there is one at least.

    `scale` (n,) is the inverse curvature of each variable that they begin with, up to a factor.
    """
    direction = -slope
    factors = []
    for step, change in reversed(past):
        factor = float(step @ direction) / float(step @ change)
        direction -= factor * change
        factors.append(factor)
    step, change = past[-1]
    direction *= scale * (float(step @ change) / float(change @ (scale * change)))
    for (step, change), factor in zip(past, reversed(factors), strict=True):
        direction += (factor - float(change @ direction) / float(step @ change)) * step
    return direction
