import math

import pytest
import torch

from mgm.training.weighting import UncertaintyWeighting, Weighting

LOSSES = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}


def test_static_weights() -> None:
    assert Weighting(["a", "b"])(LOSSES).item() == 5.0
    assert Weighting(["a", "b"], {"b": 0.5})(LOSSES).item() == 3.5
    assert Weighting(["a", "b"], {"b": 0.5}).factors() == {"a": 1.0, "b": 0.5}
    assert not list(Weighting(["a", "b"]).parameters())


def test_uncertainty_begins_as_the_plain_sum_plus_a_constant() -> None:
    weighting = UncertaintyWeighting(["a", "b"])
    assert weighting(LOSSES).item() == pytest.approx(5 + 2 * math.log(2))
    assert weighting.factors() == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_a_learned_factor_settles_where_loss_over_variance_equals_the_price_whatever_its_weight(
    weight: float,
) -> None:
    weighting = UncertaintyWeighting(["large", "small"], {"large": weight})
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    losses = {"large": torch.tensor(6.0), "small": torch.tensor(0.02)}
    for _ in range(3_000):
        optimizer.zero_grad()
        weighting(losses).backward()
        optimizer.step()
    for task, loss in losses.items():
        variance = weighting.weights[task] / weighting.factors()[task]
        assert loss.item() / variance == pytest.approx(variance / (1 + variance), rel=1e-3)
    factors = weighting.factors()
    # v^2 = L (1 + v): large losses count less, small ones more, and the set weight multiplies
    assert factors["large"] == pytest.approx(weight * 2 / (6 + math.sqrt(36 + 24)), rel=1e-3)
    assert factors["small"] == pytest.approx(2 / (0.02 + math.sqrt(0.0004 + 0.08)), rel=1e-3)


def test_the_weighted_sum_is_never_negative_and_a_task_without_a_loss_is_left_alone() -> None:
    weighting = UncertaintyWeighting(["a", "b"])
    with torch.no_grad():
        weighting.log_variance[0].fill_(-30.0)
    total = weighting({"a": torch.tensor(0.0)})
    assert total.item() >= 0
    total.backward()
    assert weighting.log_variance[0].grad is not None
    assert weighting.log_variance[1].grad is None
