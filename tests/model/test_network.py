from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.heads import Tagged
from mgm.model.network import Network
from mgm.settings.model import ModelSettings
from mgm.tasks import Task, with_label_spaces

TASKS = [
    Task(name="genre", kind="classification", corpora=["c"], labels=("a", "b", "c")),
    Task(name="names", kind="tagging", corpora=["c"], labels=("x", "y")),
    Task(name="topics", kind="multilabel", corpora=["c"], labels=("p", "q")),
    Task(name="type", kind="regression", corpora=["c"]),
]

document = st.lists(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=7), min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


def model_settings(**changes: object) -> ModelSettings:
    small = {"width": 12}
    return ModelSettings.model_validate(
        {"width": 16, "window": small, "sentence": small, "paragraph": small, "document": small} | changes
    )


def network(**changes: object) -> Network:
    torch.manual_seed(0)
    return Network(model_settings(**changes), TASKS, vocabulary_size=30, ngram_buckets=50)


@pytest.fixture
def deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


def labelled(make_batch: Callable[..., Batch]) -> Batch:
    documents = [[[[1, 2, 3], [4]]], [[[5, 6]]], [[[7, 1, 2]], [[9]]]]
    return make_batch(
        documents,
        {
            "genre": torch.tensor([0, NO_LABEL, 2]),
            "names": torch.tensor([0, 1, 2, 0, NO_LABEL, NO_LABEL, 3, 4, 0, 0]),
            "topics": torch.tensor([[1.0, 0.0], [0.0, 0.0], [torch.nan, torch.nan]]),
            "type": torch.tensor([torch.nan, 0.5, -1.0]),
        },
    )


@pytest.mark.parametrize("reads", ["all", "content"])
@pytest.mark.parametrize("fusion", ["concat", "gated"])
@settings(max_examples=12)
@given(documents=st.lists(document, min_size=2, max_size=6))
def test_outputs_do_not_depend_on_the_batch(
    make_batch: Callable[..., Batch], fusion: str, reads: str, documents: list
) -> None:
    levels: dict[str, Any] = {name: {"words": reads} for name in ("character", "word")}
    levels |= {name: {"words": reads, "width": 12} for name in ("window", "sentence")}
    model = network(fusion=fusion, **levels).eval()
    with torch.inference_mode():
        together = model(make_batch(documents))
        alone = [model(make_batch([one])) for one in documents]
        swapped = model(make_batch(documents[::-1]))
    for task in TASKS:
        expected = torch.cat([outputs[task.name] for outputs in alone])
        torch.testing.assert_close(together[task.name], expected, atol=1e-5, rtol=0)
        if task.kind != "tagging":
            torch.testing.assert_close(swapped[task.name].flip(0), expected, atol=1e-5, rtol=0)


def test_one_step_of_every_kind_of_task_is_deterministic(
    make_batch: Callable[..., Batch], deterministic: None
) -> None:
    def step() -> list[torch.Tensor]:
        model = network()
        model.word_dropout = 0.2
        torch.manual_seed(1)
        batch = labelled(make_batch)
        losses = model.losses(model.deep_outputs(batch), batch, smoothing=0.05)
        assert sorted(losses) == [t.name for t in TASKS]
        torch.stack(list(losses.values())).sum().backward()
        return [p.grad.to_dense() for p in model.parameters() if p.grad is not None]

    first, second = step(), step()
    assert len(first) == len([p for p in network().parameters() if p.requires_grad])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_outputs_of_words_are_trained_where_the_batch_has_targets(make_batch: Callable[..., Batch]) -> None:
    """A corpus without a tagging task costs neither the vectors of words nor the wide part of words."""
    model, batch = network(), labelled(make_batch)
    for tasks, words in ([*batch.targets], ["names"]), (["genre"], []):
        deep, wide = model.deep_outputs(batch, tasks=tasks), model.wide_outputs(batch, tasks=tasks)
        assert sorted(deep) == sorted(["genre", "topics", "type", *words])
        assert [task for task in wide if task == "names"] == words


def test_an_unlabelled_task_has_no_loss_and_no_gradient(
    make_batch: Callable[..., Batch],
) -> None:
    """A task without labels in the batch has no loss and its head no gradient."""
    model, batch = network(), labelled(make_batch)
    batch.targets["genre"].fill_(NO_LABEL)
    del batch.targets["type"]
    losses = model.losses(model.deep_outputs(batch), batch, smoothing=0.0)
    assert sorted(losses) == ["names", "topics"]
    torch.stack(list(losses.values())).sum().backward()
    for task in ("genre", "type"):
        assert all(p.grad is None or not p.grad.any() for p in model.heads[task].parameters())


def test_the_network_learns_what_it_is_shown(make_batch: Callable[..., Batch]) -> None:
    model, batch = network(dropout=0.0), labelled(make_batch)
    model.heads["type"].fit(batch.targets["type"])
    optimizer = torch.optim.AdamW(model.dense_parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        losses = model.losses(model.deep_outputs(batch), batch, smoothing=0.0)
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
    with torch.inference_mode():
        decoded: dict[str, Any] = dict(model.eval().decode(model.deep_outputs(batch), batch))
    names = decoded["names"]
    assert isinstance(names, Tagged)
    tags, score = names
    known = batch.targets["names"] != NO_LABEL
    assert torch.equal(tags[known], batch.targets["names"][known])
    assert score[known].min() > 0.9
    assert decoded["genre"].argmax(1)[[0, 2]].tolist() == [0, 2]
    assert (decoded["topics"][:2] > 0.5).tolist() == [[True, False], [False, False]]
    torch.testing.assert_close(decoded["type"][1:], torch.tensor([0.5, -1.0]), atol=0.1, rtol=0)


def test_word_dropout_is_for_training_alone(make_batch: Callable[..., Batch]) -> None:
    model, batch = network(dropout=0.0), labelled(make_batch)
    plain = model.eval()(batch)["genre"]
    model.word_dropout = 1.0
    assert torch.equal(model(batch)["genre"], plain)
    assert not torch.equal(model.train()(batch)["genre"], plain)


def test_errors_name_the_task() -> None:
    off = {name: {"enabled": False} for name in ("character", "word", "window", "sentence")}
    with pytest.raises(ValueError, match="'names': tagging needs a vector a word"):
        Network(model_settings(**off), TASKS, vocabulary_size=30, ngram_buckets=50)
    with pytest.raises(ValueError, match="'genre': its label space is empty"):
        Network(model_settings(), with_label_spaces(TASKS, {}), vocabulary_size=30, ngram_buckets=50)


def test_gate_weights_reach_the_report() -> None:
    assert sorted(network(fusion="gated").fusion.gate_weights()) == [t.name for t in TASKS]
    assert network().fusion.gate_weights() == {}
