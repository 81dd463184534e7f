"""The moving average of weights, against its formula."""

import pytest
import torch
from torch import nn

from mgm.training.averaging import MovingAverage


def test_the_decay_warms_up_and_the_initial_weights_count() -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    average, expected = MovingAverage([weight], 0.5), 1.0
    for step in range(1, 15):
        with torch.no_grad():
            weight.copy_(torch.tensor([float(step)]))
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    with average.applied():
        assert weight.item() == pytest.approx(expected, rel=1e-5)
    assert weight.item() == 14.0


def test_a_restored_average_goes_on_as_it_would_have() -> None:
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    first, second = MovingAverage([weight], 0.9), MovingAverage([weight], 0.9)
    with torch.no_grad():
        weight.add_(1)
    first.update()
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        weight.add_(1)
    for average in (first, second):
        average.update()
    (one,), (other,) = first.averaged.parameters(), second.averaged.parameters()
    assert torch.equal(one, other)


def test_without_decay_it_is_the_last_step() -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    average = MovingAverage([weight], 0.0)
    with torch.no_grad():
        weight.fill_(5.0)
    average.update()
    (averaged,) = average.averaged.parameters()
    assert averaged.item() == 5.0
