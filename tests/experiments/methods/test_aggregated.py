"""Gradients of several tasks made one by the aggregators of TorchJD."""

import inspect
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchjd import aggregation
from torchjd.aggregation import Aggregator

from mgm.errors import MissingExtra
from mgm.experiments.methods.weighting.aggregated import AggregatedWeighting
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.network import Network
from mgm.settings.settings import Settings
from mgm.settings.training import AGGREGATORS
from mgm.tasks import with_label_spaces
from mgm.training.weighting.weighting import Weighting
from tests import tiny_corpora

CONFIG = tiny_corpora.settings()
FEATURES, VOCABULARY, SPACES = tiny_corpora.prepared(CONFIG, tiny_corpora.corpora())
TASKS = with_label_spaces(CONFIG.active_tasks(), SPACES)
NAMES = [t.name for t in TASKS]
OPTIONS: dict[str, dict[str, float]] = {
    "CAGrad": {"c": 0.4}, "FairGrad": {"alpha": 1.0}, "Krum": {"n_byzantine": 0}, "TrimmedMean": {"trim_number": 1},
}  # fmt: skip
BASES = {"Aggregator", "WeightedAggregator", "GramianWeightedAggregator"}


@pytest.fixture
def batch() -> Batch:
    """Menus, which carry three tasks of four."""
    (part,) = FEATURES["menus"]
    rows = part.documents["label:dish"].is_not_null().arg_true().to_numpy()[:9]
    return collate(part, rows, tasks=TASKS)


def network() -> Network:
    torch.manual_seed(5)
    made = Network(
        CONFIG.model, TASKS, vocabulary_size=len(VOCABULARY), ngram_buckets=CONFIG.text.features.ngram_buckets
    )
    return made.eval()  # without dropout every pass is the same


def losses(made: Network, batch: Batch, *chosen: str) -> dict[str, Tensor]:
    every = made.losses(made.deep_outputs(batch), batch, smoothing=0.0)
    return {t: loss for t, loss in every.items() if not chosen or t in chosen}


def gradients(made: Network) -> dict[str, Tensor]:
    return {n: p.grad.to_dense() for n, p in made.named_parameters() if p.grad is not None}


def after(weighting: Weighting, batch: Batch, *chosen: str) -> tuple[Network, dict[str, Tensor]]:
    made = network()
    weighting.backward(losses(made, batch, *chosen), network=made)
    return made, gradients(made)


def test_every_aggregator_of_the_library_is_known_by_its_name() -> None:
    kinds = {
        name: kind
        for name in aggregation.__all__
        if inspect.isclass(kind := getattr(aggregation, name)) and issubclass(kind, Aggregator)
    }
    assert set(AGGREGATORS) == kinds.keys() - BASES - {"Constant"}  # train.weights are constants


@pytest.mark.parametrize("name", AGGREGATORS)
def test_every_aggregator_gives_gradients(name: str, batch: Batch) -> None:
    """With every aggregator a batch of three tasks of four gets gradients."""
    weighting = AggregatedWeighting(NAMES, {"keys": 2.0}, name=name, options=OPTIONS.get(name))
    made, found = after(weighting, batch)
    assert all(gradient.isfinite().all() for gradient in found.values())
    assert any(found[n].any() for n in found if n.startswith("encoder."))
    absent = {id(p) for p in made.task_specific_parameters("themes")}
    assert {n for n, p in made.named_parameters() if p.grad is None} == {
        n for n, p in made.named_parameters() if id(p) in absent or not p.requires_grad
    }
    assert weighting.factors()["themes"] == 1.0


def test_sum_is_the_plain_sum(batch: Batch) -> None:
    weights = {"keys": 2.0, "price": 0.3}
    _, expected = after(Weighting(NAMES, weights), batch)
    weighting = AggregatedWeighting(NAMES, weights, name="Sum")
    _, found = after(weighting, batch)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-6, rtol=1e-4, msg=name)
    assert weighting.factors() == pytest.approx({"dish": 1.0, "keys": 2.0, "price": 0.3, "themes": 1.0})


def test_upgrad_conflicts_with_no_task(
    batch: Batch,
) -> None:
    """Upgrad goes against no task and leaves heads their own gradients."""
    made = network()
    deep = losses(made, batch)
    deep["keys"] = -deep["dish"] * 1.1 + deep["keys"]  # in conflict with dish
    shared = made.shared_parameters()
    rows = [
        torch.cat(
            [
                torch.zeros_like(p).ravel() if g is None else g.ravel()
                for p, g in zip(shared, found, strict=True)
            ]
        )
        for loss in deep.values()
        for found in [torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)]
    ]
    jacobian = torch.stack(rows)
    assert (jacobian @ jacobian.sum(0)).min() < 0, "the plain sum must harm a task, or nothing is shown"
    AggregatedWeighting(NAMES, name="UPGrad").backward(deep, network=made)
    step = torch.cat([torch.zeros_like(p).ravel() if p.grad is None else p.grad.ravel() for p in shared])
    assert (jacobian @ step).min() > -1e-6
    _, plain = after(Weighting(NAMES), batch)
    found = gradients(made)
    own = {id(p) for p in made.heads["price"].parameters()}
    names = [n for n, p in made.named_parameters() if id(p) in own]
    assert len(names) == 2
    for name in names:
        assert torch.equal(found[name], plain[name]), name


def test_one_task_alone_has_its_own_gradient(batch: Batch) -> None:
    _, expected = after(Weighting(NAMES, {"dish": 0.5}), batch, "dish")
    _, found = after(AggregatedWeighting(NAMES, {"dish": 0.5}, name="NashMTL"), batch, "dish")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[n], expected[n]) for n in found)


def test_what_an_aggregator_remembers_ends_with_the_epoch(batch: Batch) -> None:
    weighting = AggregatedWeighting(NAMES, name="GradVac")

    def epoch() -> list[dict[str, Tensor]]:
        torch.manual_seed(7)
        weighting.begin_epoch()
        return [after(weighting, batch)[1] for _ in range(2)]

    (first, second), (again, _) = epoch(), epoch()
    assert all(torch.equal(first[n], again[n]) for n in first)
    assert any(not torch.equal(first[n], second[n]) for n in first)


def test_a_wrong_name_names_the_nearest_whatever_its_case() -> None:
    with pytest.raises(ValueError, match=r"train.weighting: .*no such weighting \(did you mean 'UPGrad'\?\)"):
        tiny_corpora.settings(weighting="upgrad")
    with pytest.raises(
        ValueError, match=r"no such weighting \(valid: AlignedMTL, .*uncertainty\), found 'xyz'"
    ):
        tiny_corpora.settings(weighting="xyz")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("CAGrad", {}, "train.aggregator: CAGrad: c is missing; it takes: c, norm_eps"),
        ("NashMTL", {"n_tasks": 3}, "NashMTL: n_tasks is not its argument; it takes: max_norm"),
        ("PCGrad", {"c": 1.0}, "PCGrad: c is not its argument; it takes: none"),
        ("CAGrad", {"c": -1.0}, "train.aggregator: {'c': -1.0}: "),
    ],
)
def test_wrong_arguments_are_named_before_any_work(
    name: str, options: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError) as error:
        AggregatedWeighting(NAMES, name=name, options=options)
    assert message in str(error.value)


def test_aggregator_arguments_and_compile_are_checked() -> None:
    """Arguments need an aggregator and an aggregator an encoder that is not compiled."""
    with pytest.raises(
        ValueError, match="aggregator: {'c': 0.4}: arguments of an aggregator, but weighting is 'famo'"
    ):
        tiny_corpora.settings(weighting="famo", aggregator={"c": 0.4})
    with pytest.raises(ValueError, match="which weighting: UPGrad needs; expected compile: false"):
        tiny_corpora.settings(weighting="UPGrad", compile=True)
    made: Settings = tiny_corpora.settings(weighting="CAGrad", aggregator={"c": 0.4})
    assert made.train.aggregator == {"c": 0.4}


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(MissingExtra, match=r"train.weighting: MGDA needs the library torchjd") as raised:
        AggregatedWeighting(NAMES, name="MGDA")
    assert raised.value.extra == "jd"


def test_an_aggregator_that_fails_names_the_tasks(batch: Batch, refuse: Callable[[], None]) -> None:
    refuse()
    with pytest.raises(
        ValueError, match="train.weighting: MGDA failed on the gradients of dish, keys, price: no"
    ):
        after(AggregatedWeighting(NAMES, name="MGDA"), batch)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets MGDA fail."""

    def fail(*_: object) -> Tensor:
        raise ArithmeticError("no solution")

    return lambda: monkeypatch.setattr(aggregation.MGDAWeighting, "forward", fail)
