"""What lies between the encoder and the heads: cascade, mmoe, ple, beside the plain one (test_network.py)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mgm.bundle.load import load_bundle
from mgm.bundle.save import save_bundle
from mgm.experiments.methods.sharing.experts import Experts, Gate
from mgm.model.batch import NO_LABEL, Batch
from mgm.model.network import Network
from mgm.settings.model import ModelSettings
from mgm.settings.settings import Settings
from mgm.tasks import Task
from tests import tiny_corpora

SHARINGS = ["hard", "cascade", "mmoe", "ple"]
TASKS = [
    Task(name="genre", kind="classification", corpora=["c"], labels=("a", "b", "c")),
    Task(name="names", kind="tagging", corpora=["c"], labels=("x", "y")),
    Task(name="pos", kind="tagging", corpora=["c"], labels=("n",)),
    Task(name="topics", kind="multilabel", corpora=["c"], labels=("p", "q")),
    Task(name="type", kind="regression", corpora=["c"]),
]
WIDTHS = {"genre": 3, "names": 5, "pos": 3, "topics": 2}

document = st.lists(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=5), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


def network(sharing: str, tasks: list[Task] = TASKS, **changes: Any) -> Network:
    torch.manual_seed(0)
    small = {"width": 12}
    whole: dict[str, Any] = {
        "width": 16, "fusion_width": 20, "dropout": 0.0, "window": small, "sentence": small, "paragraph": small,
        "document": small, "wide": {"enabled": False}, "sharing": sharing,
        "cascade": {"order": ["pos", "type"], "width": 8}, "mmoe": {"experts": 3, "width": 8},
        "ple": {"shared_experts": 2, "task_experts": 2, "width": 8, "layers": 2},
    }  # fmt: skip
    return Network(ModelSettings.model_validate(whole | changes), tasks, vocabulary_size=30, ngram_buckets=50)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_words_are_encoded_for_tasks_that_need_them(sharing: str, batch: Batch) -> None:
    """Without a task of words among those wanted there are no outputs for words, unless documents read them, and the rest is the same."""
    model = network(sharing).eval()
    complete, of_documents = model.deep_outputs(batch), model.deep_outputs(batch, tasks=["genre"])
    documents = {"genre", "topics", "type"}
    assert set(complete) == {task.name for task in TASKS}
    assert set(of_documents) == (set(complete) if sharing == "cascade" else documents)
    assert all(torch.equal(of_documents[task], complete[task]) for task in of_documents)
    assert set(model.deep_outputs(batch, tasks=["genre", "pos"])) == set(complete)


@pytest.fixture
def batch(make_batch: Callable[..., Batch]) -> Batch:
    documents = [[[[1, 2, 3], [4]]], [[[5, 6]]], [[[7, 1, 2]], [[9]]]]
    targets = {
        "genre": torch.tensor([0, NO_LABEL, 2]),
        "names": torch.tensor([0, 1, 2, 0, NO_LABEL, NO_LABEL, 3, 4, 0, 0]),
        "pos": torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 0, 0]),
        "topics": torch.tensor([[1.0, 0.0], [0.0, 0.0], [torch.nan, torch.nan]]),
        "type": torch.tensor([torch.nan, 0.5, -1.0]),
    }
    return make_batch(documents, targets)


def losses(model: Network, batch: Batch) -> dict[str, Tensor]:
    return model.losses(model.deep_outputs(batch), batch, smoothing=0.0)


def reached(model: Network, loss: Tensor) -> set[str]:
    """The names of the parameters with a gradient that is not zero."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return {
        name for name, gradient in zip(names, found, strict=True) if gradient is not None and gradient.any()
    }


@pytest.mark.parametrize(
    ("sharing", "fusion"), [("cascade", "concat"), ("mmoe", "gated"), ("ple", "concat"), ("ple", "gated")]
)
@settings(max_examples=8)
@given(documents=st.lists(document, min_size=2, max_size=5))
def test_outputs_depend_on_neither_batch_nor_padding(
    make_batch: Callable[..., Batch], sharing: str, fusion: str, documents: list
) -> None:
    model = network(sharing, fusion=fusion).eval()
    with torch.inference_mode():
        together = model(make_batch(documents))
        alone = [model(make_batch([one])) for one in documents]
        swapped = model(make_batch(documents[::-1]))
    for task in TASKS:
        expected = torch.cat([outputs[task.name] for outputs in alone])
        torch.testing.assert_close(together[task.name], expected, atol=1e-5, rtol=0)
        if task.kind != "tagging":
            torch.testing.assert_close(swapped[task.name].flip(0), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_every_task_has_its_shape_together_and_alone(sharing: str, batch: Batch) -> None:
    for tasks in (TASKS, *([task] for task in TASKS), [t for t in TASKS if t.kind == "tagging"]):
        outputs = network(sharing, tasks).eval()(batch)
        for task in tasks:
            rows = 10 if task.kind == "tagging" else 3
            width = WIDTHS.get(task.name)
            assert outputs[task.name].shape == ((rows,) if width is None else (rows, width))


@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_step_is_deterministic_and_reaches_all_weights(sharing: str, batch: Batch) -> None:
    """A step with dropout is deterministic and reaches every parameter."""

    def step() -> list[Tensor]:
        model = network(sharing, dropout=0.2)
        torch.manual_seed(1)
        torch.stack(list(losses(model, batch).values())).sum().backward()
        return [p.grad for p in model.parameters() if p.grad is not None]

    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        first, second = step(), step()
    finally:
        torch.use_deterministic_algorithms(before)
    assert len(first) == len(list(network(sharing).parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("sharing", ["cascade", "mmoe", "ple"])
def test_it_learns_what_it_is_shown(sharing: str, batch: Batch) -> None:
    model = network(sharing)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    start = losses(model, batch)
    for _ in range(50):
        optimizer.zero_grad()
        torch.stack(list(losses(model, batch).values())).sum().backward()
        optimizer.step()
    end = losses(model, batch)
    assert all(end[task] < 0.2 * start[task] for task in start), end


@pytest.mark.parametrize("sharing", ["mmoe", "ple"])
def test_gates_sum_to_one_and_every_expert_has_a_gradient(sharing: str, batch: Batch) -> None:
    model, weights = network(sharing), []
    for module in model.modules():
        if isinstance(module, Gate):
            module.register_forward_hook(lambda _module, _inputs, weight: weights.append(weight))
    torch.stack(list(losses(model, batch).values())).sum().backward()
    assert (
        len(weights) == {"mmoe": 5, "ple": 12}[sharing]
    )  # ple: 2 layers of 5 tasks, and 2 of what is shared
    for weight in weights:
        assert weight.min() >= 0
        torch.testing.assert_close(weight.sum(1), torch.ones(len(weight)))
    for module in model.modules():
        if isinstance(module, Experts):
            assert module.dense.weight.grad is not None
            of_each = module.dense.weight.grad.unflatten(0, (module.count, module.width))
            assert of_each.flatten(1).any(1).all()


@pytest.mark.parametrize("fusion", ["concat", "gated"])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_what_is_a_tasks_own_has_gradients_of_its_loss_alone(sharing: str, fusion: str, batch: Batch) -> None:
    model = network(sharing, fusion=fusion)
    name_of = {id(p): name for name, p in model.named_parameters()}
    found = {task: reached(model, loss) for task, loss in losses(model, batch).items()}
    for task in found:
        own = {name_of[id(p)] for p in model.task_specific_parameters(task)}
        assert own <= found[task]
        assert not any(own & found[other] for other in found if other != task)
    shared = {name_of[id(p)] for p in model.shared_parameters()}
    assert shared | {name_of[id(p)] for t in found for p in model.task_specific_parameters(t)} == set(
        name_of.values()
    )


def test_last_experts_of_ple_learn_from_their_task_alone() -> None:
    """Experts of a task learn from it alone in the last layer of ple."""
    for layers in (1, 2):
        model = network("ple", ple={"shared_experts": 1, "task_experts": 1, "width": 8, "layers": layers})
        own = {id(p) for p in model.task_specific_parameters("genre")}
        names = {n for n, p in model.named_parameters() if id(p) in own}
        last = f"sharing.documents.layers.{layers - 1}"
        assert {f"{last}.task_experts.0.dense.weight", f"{last}.gates.0.score.weight"} < names
        assert not any(".layers.0." in name for name in names) or layers == 1


def test_in_a_cascade_low_tasks_feed_high_ones_alone(batch: Batch) -> None:
    """Below to above: pos, names; type, then genre and topics beside each other."""
    model = network("cascade")
    sharing: Any = model.sharing
    assert sharing.feeding == ["pos", "names", "type"]
    state = {task: f"sharing.states.{place}.weight" for place, task in enumerate(sharing.feeding)}
    found = {task: reached(model, loss) for task, loss in losses(model, batch).items()}
    readers = {name: {task for task in found if state[name] in found[task]} for name in state}
    assert readers == {
        "pos": {"pos", "names", "type", "genre", "topics"},
        "names": {"names", "type", "genre", "topics"},
        "type": {"type", "genre", "topics"},
    }
    assert {task for task in found if "sharing.sentence.weight" in found[task]} == {"type", "genre", "topics"}


def test_a_cascade_without_an_order(batch: Batch) -> None:
    """A cascade without an order feeds documents from words alone."""
    sharing: Any = network("cascade", cascade={"width": 8}).sharing
    assert sharing.feeding == ["names", "pos"]
    assert not any(sharing.below.values())
    of_documents: Any = network(
        "cascade", [t for t in TASKS if t.kind != "tagging"], cascade={"width": 8}
    ).sharing
    assert not of_documents.feeding


@pytest.mark.parametrize("sharing", ["cascade", "mmoe", "ple"])
def test_a_bundle_keeps_it(tmp_path: Path, sharing: str) -> None:
    model = tiny_corpora.SETTINGS["model"] | {
        "sharing": sharing, "cascade": {"order": ["title", "dish"], "width": 8},
        "mmoe": {"experts": 2, "width": 8}, "ple": {"width": 8, "layers": 1},
    }  # fmt: skip
    # a task that is listed and not trained, whose name must not come along
    tasks = tiny_corpora.SETTINGS["tasks"] | {"title": {"kind": "generation", "corpora": ["menus"]}}
    config = Settings.parse(tiny_corpora.SETTINGS | {"model": model, "tasks": tasks})
    made = tiny_corpora.bundle(config)
    save_bundle(tmp_path / "bundle", made)
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.settings.model.sharing == sharing
    assert loaded.settings.model.cascade.order == ["dish"]
    saved, found = made.network.state_dict(), loaded.network.state_dict()
    assert any(name.startswith("sharing.") for name in saved)
    assert saved.keys() == found.keys()
    assert all(torch.equal(saved[name], found[name]) for name in saved)


def test_an_unknown_task_in_the_order_is_named() -> None:
    model = tiny_corpora.SETTINGS["model"] | {"cascade": {"order": ["dihs"]}}
    with pytest.raises(
        ValueError, match=r"model.cascade.order: 'dihs': no task of this name \(did you mean 'dish'\?\)"
    ):
        Settings.parse(tiny_corpora.SETTINGS | {"model": model})
