"""Adagrad with an L1 penalty: its steps by hand, its weights at 0, and its rest where nothing is labelled."""

import math

import pytest
import torch
from torch import nn

from mgm.settings.model import WideTaggingSettings
from mgm.training.proximal_adagrad import ProximalAdagrad

WIDTHS = {"names": 1, "keys": 2}


def made(l1: float, batches: list[float] | None = None) -> tuple[nn.EmbeddingBag, ProximalAdagrad]:
    table = nn.EmbeddingBag(4, 3, mode="sum", sparse=True)
    nn.init.zeros_(table.weight)
    settings = WideTaggingSettings(buckets=4, learning_rate=0.5, l1=l1)
    return table, ProximalAdagrad(
        table.weight, torch.tensor(batches or [1.0] * 4), widths=WIDTHS, settings=settings
    )


def slope(table: nn.EmbeddingBag, features: list[int], slopes: list[float]) -> None:
    """Gives each of `features` this gradient."""
    (table(torch.tensor([features])) * torch.tensor(slopes)).sum().backward()


def test_a_step_is_the_gradient_over_the_root_of_its_squares() -> None:
    table, descent = made(l1=0.0)
    slope(table, [1], [3.0, -0.1, 0.0])
    descent.step(1.0, {"names": 1, "keys": 1})
    assert table.weight[1].tolist() == pytest.approx([-0.5, 0.5, 0.0], abs=1e-6)
    slope(table, [1], [4.0, 0.0, 0.0])
    descent.step(0.5, {"names": 1, "keys": 1})
    assert table.weight[1, 0].item() == pytest.approx(-0.5 - 0.25 * 4 / 5, abs=1e-6)
    assert not table.weight[[0, 2, 3]].any()


def test_the_penalty_is_spread_over_a_features_batches() -> None:
    """The penalty is spread over a features batches and scaled as the loss."""
    table, descent = made(l1=8.0, batches=[1.0, 4.0, 1.0, 1.0])
    slope(table, [1], [2.0, 0.0, 0.0])
    descent.step(1.0, {"names": 10, "keys": 1})
    # rate 0.5 / 2; the penalty of one of 4 batches of 10 words: 8 / 4 / 10
    assert table.weight[1, 0].item() == pytest.approx(-0.25 * 2 + 0.25 * 0.2, abs=1e-6)


def test_a_slope_below_the_penalty_moves_nothing_off_zero() -> None:
    table, descent = made(l1=1.0)
    slope(table, [0], [0.9, 1.1, -0.9])
    descent.step(1.0, {"names": 1, "keys": 1})
    assert table.weight[0, [0, 2]].tolist() == [0.0, 0.0]
    assert table.weight[0, 1] < 0


def test_a_task_without_a_label_in_the_batch_stands_still() -> None:
    table, descent = made(l1=1.0)
    with torch.no_grad():
        table.weight[0] = torch.tensor([0.1, 0.2, -0.3])
    slope(table, [0], [5.0, 0.0, 0.0])
    descent.step(1.0, {"names": 1})
    assert table.weight[0, 1:].tolist() == pytest.approx([0.2, -0.3])
    assert table.weight[0, 0] < 0


def test_it_converges_to_the_minimum_of_loss_and_penalty() -> None:
    """Of (w - 2)^2 / 2 + |w| the minimum is at 1, of (w - 0.5)^2 / 2 + |w| at 0."""
    table, descent = made(l1=1.0)
    goal = torch.tensor([2.0, 0.5, -2.0])
    for step in range(300):
        loss = (table(torch.tensor([[2]])) - goal).square().sum() / 2
        loss.backward()
        descent.step(1 / math.sqrt(1 + step / 30), {"names": 1, "keys": 1})
    assert table.weight[2].tolist() == pytest.approx([1.0, 0.0, -1.0], abs=0.02)


def test_its_state_is_kept() -> None:
    (table, first), (other, second) = made(l1=0.1), made(l1=0.1)
    for own, descent in ((table, first), (other, second)):
        slope(own, [1], [3.0, 1.0, 2.0])
        descent.step(1.0, {"names": 1, "keys": 1})
    resumed = ProximalAdagrad(
        other.weight, torch.ones(4), widths=WIDTHS, settings=WideTaggingSettings(buckets=4, l1=0.1)
    )
    resumed.learning_rate = first.learning_rate
    resumed.load_state_dict(second.state_dict())
    for own, descent in ((table, first), (other, resumed)):
        slope(own, [1], [1.0, -1.0, 0.5])
        descent.step(1.0, {"names": 1, "keys": 1})
    assert torch.equal(table.weight, other.weight)
