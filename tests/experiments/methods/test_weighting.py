import io
import math

import pytest
import torch
from torchjd.scalarization import FAMO

from mgm.experiments.methods.weighting.famo import FamoWeighting
from mgm.experiments.methods.weighting.random import RandomWeighting
from mgm.experiments.methods.weighting.uncertainty import UncertaintyWeighting
from mgm.training.rng import restored_rng, rng_state
from mgm.training.weighting.weighting import Weighting

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
def test_a_learned_factor_converges_whatever_its_weight(
    weight: float,
) -> None:
    """A learned factor settles where loss over variance equals the price whatever its weight."""
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


def test_the_weighted_sum_is_never_negative() -> None:
    """The weighted sum is never negative and a task without a loss is left alone."""
    weighting = UncertaintyWeighting(["a", "b"])
    with torch.no_grad():
        weighting.log_variance[0].fill_(-30.0)
    total = weighting({"a": torch.tensor(0.0)})
    assert total.item() >= 0
    total.backward()
    assert weighting.log_variance[0].grad is not None
    assert weighting.log_variance[1].grad is None


def test_random_factors_follow_the_seed_with_mean_1() -> None:
    """Random factors are drawn for each batch have the mean 1 and follow the seed."""

    def drawn(seed: int, batches: int) -> list[dict[str, float]]:
        torch.manual_seed(seed)
        weighting, found = RandomWeighting(["a", "b", "c"], {"b": 0.5}), []
        for _ in range(batches):
            weighting(LOSSES)
            found.append(weighting.factors())
        return found

    factors = drawn(1, 400)
    assert all(f["a"] + f["b"] / 0.5 == pytest.approx(2) for f in factors)
    assert len({f["a"] for f in factors}) == 400
    assert sum(f["b"] for f in factors) / 400 == pytest.approx(0.5, abs=0.05)
    assert {f["c"] for f in factors} == {1.0}  # without a loss in any batch: what is set
    assert drawn(1, 3) == drawn(1, 3) != drawn(2, 3)


def test_random_factors_are_reported_as_their_mean() -> None:
    """Random tells the mean of an epochs factors and multiplies by each."""
    torch.manual_seed(4)
    weighting, sums = RandomWeighting(["a", "b"]), []
    for _ in range(3):
        losses = {task: loss.clone().requires_grad_() for task, loss in LOSSES.items()}
        weighting(losses).backward()
        sums.append(float(losses["a"].grad or 0))
    assert weighting.factors()["a"] == pytest.approx(sum(sums) / 3)
    weighting(LOSSES)
    weighting.begin_epoch()
    assert weighting.factors() == {"a": 1.0, "b": 1.0}


def test_famo_is_the_librarys_where_every_batch_has_every_task() -> None:
    """TorchJD has an implementation of its own, for a fixed set of tasks; its factors sum to 1."""
    ours, theirs = FamoWeighting(["a", "b"]), FAMO(2)
    torch.manual_seed(2)
    for _ in range(20):
        before, after = torch.rand(2) + 0.1, torch.rand(2) + 0.1
        mine, other = before.clone().requires_grad_(), before.clone().requires_grad_()
        ours({"a": mine[0], "b": mine[1]}).backward()
        theirs(other).backward()
        assert mine.grad is not None and other.grad is not None
        torch.testing.assert_close(mine.grad, 2 * other.grad)
        ours.after_step({"a": after[0], "b": after[1]})
        theirs.update(after)
        torch.testing.assert_close(ours.shares(["a", "b"]), theirs._w.softmax(0).detach())


def test_famo_raises_the_task_that_falls_behind() -> None:
    """Famo raises the task that falls behind and leaves the absent alone."""
    weighting = FamoWeighting(["a", "b", "c"], {"b": 3.0})
    assert weighting.shares(["a", "b"]).tolist() == pytest.approx([0.25, 0.75])
    for _ in range(10):
        weighting(LOSSES)
        weighting.after_step({"a": LOSSES["a"] * 0.5, "b": LOSSES["b"] * 0.99})
    assert float(weighting.logits["a"]) < 0 < float(weighting.logits["b"])
    assert float(weighting.logits["c"]) == 0
    factors = weighting.factors()
    assert factors["a"] + factors["b"] == pytest.approx(2)
    assert factors["c"] == 1.0
    assert not weighting.learnable_parameters()


def test_famo_bears_a_loss_of_nothing() -> None:
    weighting = FamoWeighting(["a", "b"])
    for _ in range(3):
        total = weighting({"a": torch.tensor(0.0), "b": torch.tensor(1.0)})
        weighting.after_step({"a": torch.tensor(0.0), "b": torch.tensor(0.0)})
    assert math.isfinite(total) and all(map(math.isfinite, weighting.factors().values()))


def test_famo_goes_on_from_its_saved_state() -> None:
    def steps(weighting: FamoWeighting, first: int, last: int) -> None:
        for step in range(first, last):
            weighting(LOSSES)
            weighting.after_step({"a": LOSSES["a"] / (1 + step), "b": LOSSES["b"] * 0.9})

    whole, killed, resumed = (FamoWeighting(["a", "b"]) for _ in range(3))
    steps(whole, 0, 6)
    steps(killed, 0, 3)
    file = io.BytesIO()
    torch.save(killed.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    steps(resumed, 3, 6)
    assert torch.equal(resumed.shares(["a", "b"]), whole.shares(["a", "b"]))


def test_restored_numbers_repeat_and_later_ones_do_not_change() -> None:
    """Replayed numbers are the same and nothing behind them moves."""
    torch.manual_seed(3)
    state = rng_state(torch.device("cpu"))
    first, second = torch.rand(3), torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(3), first)
    with restored_rng(state, torch.device("cpu")):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(3), second)
