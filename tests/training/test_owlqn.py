"""A smooth convex function with an L1 penalty: the minimum that theory gives."""

import numpy as np
import pytest

from mgm.training.owlqn import Vector, minimize

RNG = np.random.default_rng(0)


def test_each_coordinate_of_a_separable_square_is_shrunk() -> None:
    """The least point of (x - a)^2 / 2 * h + l1 |x| is a, shrunk by l1 / h."""
    center, curvature = RNG.normal(size=30), RNG.uniform(0.5, 5, 30)
    l1 = RNG.uniform(0, 1, 30)

    def function(x: Vector) -> tuple[float, Vector]:
        return float(curvature @ (x - center) ** 2) / 2, curvature * (x - center)

    x = minimize(function, np.zeros(30), l1=l1, max_passes=200, tolerance=1e-12)
    expected = np.sign(center) * np.maximum(np.abs(center) - l1 / curvature, 0)
    assert (x == 0).sum() == (expected == 0).sum() > 3
    assert x == pytest.approx(expected, abs=1e-3)


def test_correlated_variables_meet_the_conditions_of_optimality() -> None:
    """The gradient is the penalty with the opposite sign where a variable is not 0, and no larger where it is."""
    rows = RNG.normal(size=(60, 20)) @ RNG.normal(size=(20, 20))
    target = rows @ np.where(np.arange(20) < 5, 1.0, 0.0) + RNG.normal(size=60)

    def function(x: Vector) -> tuple[float, Vector]:
        error = rows @ x - target
        return float(error @ error) / 2, rows.T @ error

    l1 = np.full(20, 40.0)
    x = minimize(function, np.zeros(20), l1=l1, max_passes=2000, tolerance=1e-13)
    gradient = function(x)[1]
    chosen = x != 0
    assert 0 < chosen.sum() < 20
    assert gradient[chosen] == pytest.approx(-40.0 * np.sign(x[chosen]), abs=0.5)
    assert (np.abs(gradient[~chosen]) <= 40.5).all()


def test_passes_are_bounded() -> None:
    """The function is called as often as it may be, and the point is that of the last step that was good enough."""
    calls = []

    def function(x: Vector) -> tuple[float, Vector]:
        calls.append(x)
        return float(x @ x) / 2 - x[0], x - np.eye(1, 3)[0]

    minimize(function, np.array([9.0, -4.0, 3.0]), l1=np.zeros(3), max_passes=2)
    assert len(calls) == 2
