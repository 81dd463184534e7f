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

    x = minimize(function, np.zeros(30), l1=l1, curvature=curvature, max_passes=200, tolerance=1e-12)
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
    x = minimize(function, np.zeros(20), l1=l1, curvature=(rows**2).sum(0), max_passes=2000, tolerance=1e-13)
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

    minimize(function, np.array([9.0, -4.0, 3.0]), l1=np.zeros(3), curvature=np.full(3, 0.01), max_passes=2)
    assert len(calls) == 2


def test_known_curvature_saves_passes() -> None:
    """Variables whose scales differ by a thousand, as those of frequent and rare features do, are far from the minimum without it."""
    rows = RNG.normal(size=(80, 40)) * np.logspace(0, 1.5, 40)
    target = rows @ np.ones(40)

    def function(x: Vector) -> tuple[float, Vector]:
        error = rows @ x - target
        return float(error @ error) / 2, rows.T @ error

    known = 2 * (rows**2).sum(0)
    left = [
        function(minimize(function, np.zeros(40), l1=np.zeros(40), curvature=curvature, max_passes=30))[0]
        for curvature in (known, np.full(40, known.max()))
    ]
    assert left[0] < left[1] / 4


def test_a_step_to_where_the_function_has_no_value_is_shortened() -> None:
    def function(x: Vector) -> tuple[float, Vector]:
        if x[0] >= 2:
            return np.nan, x
        return float((x @ x) / 2 - x[0]), x - np.eye(1, 2)[0]

    x = minimize(function, np.array([-5.0, 0.0]), l1=np.zeros(2), curvature=np.full(2, 0.01), max_passes=100)
    assert x == pytest.approx([1, 0], abs=0.02)
