import pytest
import torch
import torch.nn.functional as F

from mgm.model import dropout as dropout_module
from mgm.model.dropout import Dropout, dropout


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.9])
def test_a_share_is_zero_and_the_mean_stays(probability: float) -> None:
    torch.manual_seed(1)
    values = dropout(torch.ones(1_001, 1_003), probability)
    assert values.unique().tolist() == pytest.approx([0.0, 1 / (1 - probability)])
    assert (values == 0).float().mean().item() == pytest.approx(probability, abs=0.002)
    # neighbours, whose numbers are drawn at once, are independent of each other
    kept = (values != 0).float().flatten()
    assert (kept[:-1] * kept[1:]).mean().item() == pytest.approx((1 - probability) ** 2, abs=0.003)


def test_the_gradient_is_that_of_what_stays() -> None:
    values = torch.randn(7, 3, requires_grad=True)
    dropped = dropout(values, 0.5)
    (slope,) = torch.autograd.grad(dropped.sum(), values)
    torch.testing.assert_close(slope * values, dropped)


def test_a_seed_gives_the_same_bits_and_draws_go_on() -> None:
    values, module = torch.randn(50), Dropout(0.4)
    torch.manual_seed(3)
    first, second = module(values), module(values)
    torch.manual_seed(3)
    assert torch.equal(module(values), first)
    assert not torch.equal(first, second)


def test_nothing_is_dropped_without_training() -> None:
    values = torch.randn(50)
    assert torch.equal(Dropout(0.4).eval()(values), values)
    assert torch.equal(dropout(values, 0.0), values)
    assert not dropout(values, 1.0).any()
    assert dropout(torch.empty(0, 3), 0.5).shape == (0, 3)


def test_other_devices_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(dropout_module.F, "dropout", lambda values, p: asked.append(p) or values)
    dropout(torch.zeros(3, device="meta"), 0.5)
    assert asked == [0.5]
    assert F.dropout is dropout_module.F.dropout
