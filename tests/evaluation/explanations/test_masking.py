"""Masked outputs against the network itself, fed the constant in the mask's place."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mgm.evaluation.explanations.masking import (
    CHARACTER_AND_WORD,
    DEEP,
    NOTHING,
    WIDE,
    MeanVectors,
    available_masks,
    masked_outcomes,
    mean_vectors,
    word_slices,
)
from mgm.model.batch import Batch
from mgm.model.collate import collate
from mgm.model.decode import decode
from mgm.model.heads import Tags
from mgm.model.ragged import Ragged
from tests.evaluation.explanations.conftest import Made, made_with

POOLED = ["character", "word", "window_2", "lead", "sentence", "paragraph", "document"]


def everything(made: Made, corpus: str) -> Batch:
    part = made.parts[corpus]
    return collate(part, np.arange(part.documents.height))


def test_nothing_masked_is_what_the_network_says(made: Made) -> None:
    for corpus, part in made.parts.items():
        means = mean_vectors(made.network, [part], tasks=made.of(corpus))
        found = masked_outcomes(made.network, part, tasks=made.of(corpus), means=means)
        known = decode(made.network, part, rows=np.arange(part.documents.height), tasks=made.of(corpus))
        for task in made.of(corpus):
            mine, own = found[NOTHING][task.name], known[task.name]
            if isinstance(own, Tags):
                assert isinstance(mine, Tags)
                assert np.array_equal(mine.tags, own.tags)
                assert mine.score == pytest.approx(own.score, abs=1e-5)
            else:
                assert mine == pytest.approx(own, abs=1e-5)


def test_means_are_those_of_the_pooled_vectors_and_of_the_words(made: Made) -> None:
    part = made.parts["menus"]
    with torch.no_grad():
        pooled, words = made.network.encoder(everything(made, "menus"))
    found = mean_vectors(made.network, [part], tasks=made.of("menus"))
    assert list(found.pooled) == POOLED
    for name, vectors in pooled.items():
        assert torch.allclose(found.pooled[name], vectors.mean(0), atol=1e-5)
    assert words is not None
    assert torch.allclose(found.words, words.values.mean(0), atol=1e-5)


@pytest.mark.parametrize("name", POOLED)
def test_masking_a_granularity_makes_its_vector_constant(made: Made, name: str) -> None:
    """Outputs are those of a network whose pooled vector is the mean."""
    part, task = made.parts["verses"], made.task("themes")
    mean = mean_vectors(made.network, [part], tasks=[task])

    def constant(module: Any, inputs: tuple[dict[str, Tensor]]) -> tuple[dict[str, Tensor]]:
        pooled = dict(inputs[0])
        pooled[name] = mean.pooled[name].repeat(len(pooled[name]), 1)
        return (pooled,)

    handle = made.network.fusion.register_forward_pre_hook(constant)
    try:
        expected = decode(made.network, part, rows=np.arange(part.documents.height), tasks=[task])["themes"]
    finally:
        handle.remove()
    found = masked_outcomes(made.network, part, tasks=[task], means=mean)
    assert found[name]["themes"] == pytest.approx(expected, abs=1e-5)
    assert np.abs(found[name]["themes"] - found[NOTHING]["themes"]).max() > 1e-4  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "columns"), [(CHARACTER_AND_WORD, (0, 16)), ("window_2", (16, 24)), ("sentence", (24, 32))]
)
def test_of_tagging_what_a_granularity_gives_each_word_is_masked(
    made: Made, name: str, columns: tuple[int, int]
) -> None:
    part, task = made.parts["menus"], made.task("keys")
    mean = mean_vectors(made.network, [part], tasks=[task])
    own = slice(*columns)
    assert word_slices(made.network.encoder)[name] == own

    def constant(module: Any, inputs: tuple[Any, Ragged]) -> tuple[Any, Ragged]:
        values = inputs[1].values.clone()
        values[:, own] = mean.words[own]
        return inputs[0], Ragged(values, inputs[1].length)

    handle = made.network.sharing.register_forward_pre_hook(constant)
    try:
        expected = decode(made.network, part, rows=np.arange(part.documents.height), tasks=[task])["keys"]
    finally:
        handle.remove()
    found = masked_outcomes(made.network, part, tasks=[task], means=mean)[name]["keys"]
    assert isinstance(found, Tags)
    assert isinstance(expected, Tags)
    assert np.array_equal(found.tags, expected.tags)
    assert found.score == pytest.approx(expected.score, abs=1e-5)


def test_masking_a_part_leaves_the_other_to_decide(made: Made) -> None:
    part, task = made.parts["menus"], made.task("dish")
    deep, wide = made.network.branch_outputs(everything(made, "menus"))
    means = mean_vectors(made.network, [part], tasks=[task])
    found = masked_outcomes(made.network, part, tasks=[task], means=means)
    assert found[WIDE]["dish"] == pytest.approx(deep["dish"].softmax(1).detach().numpy(), abs=1e-5)
    assert found[DEEP]["dish"] == pytest.approx(wide["dish"].softmax(1).detach().numpy(), abs=1e-5)


def test_masks_follow_from_the_bundle() -> None:
    fast = made_with(preset="fast", wide={"enabled": False}, lead={"enabled": False})
    assert available_masks(fast.network, fast.task("dish")) == ["character", "word", "window_2"]
    assert available_masks(fast.network, fast.task("keys")) == [CHARACTER_AND_WORD, "window_2"]
    alone = made_with(word={"enabled": False})
    assert available_masks(alone.network, alone.task("keys")) == [
        "character",
        "window_2",
        "sentence",
        WIDE,
        DEEP,
    ]


def test_without_validation_documents_the_mask_is_zero(made: Made) -> None:
    part, task = made.parts["verses"], made.task("themes")
    nothing = mean_vectors(made.network, [], tasks=[task])
    assert nothing.pooled == {}
    zeros = MeanVectors({"word": torch.zeros(16)}, nothing.words)
    found, expected = (
        masked_outcomes(made.network, part, tasks=[task], means=mean)["word"]["themes"]
        for mean in (nothing, zeros)
    )
    assert np.array_equal(found, expected)  # type: ignore[arg-type]
