"""The wide part of tagging reads the words around a word, and no further than their sentence."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from mgm.model.batch import Batch
from mgm.model.wide.tagging import FEATURE_TEMPLATES, SHAPES, WORDS, WideTagging
from mgm.settings.model import WideTaggingSettings

BUCKETS = 1 << 20


def part(**widths: int) -> WideTagging:
    made = WideTagging(WideTaggingSettings(buckets=BUCKETS), widths or {"names": 3, "keys": 5})
    with torch.no_grad():
        made.table.weight.normal_(generator=torch.Generator().manual_seed(0))
    return made


def of_place(made: WideTagging, batch: Batch, word: int) -> dict[tuple[str, tuple[int, ...]], int]:
    """Each feature of a word by its place."""
    names = [("word", place) for place in WORDS] + [("shape", place) for place in SHAPES]
    return dict(zip(names, made.features(batch)[word].tolist(), strict=True))


def test_a_feature_is_the_words_at_its_distances_and_its_place(make_batch: Callable[..., Batch]) -> None:
    made = part()
    first = of_place(made, make_batch([[[[1, 2, 3, 4, 5]]]]), 2)
    assert len(set(first.values())) == len(FEATURE_TEMPLATES)  # the same word at two places: two features
    other = of_place(made, make_batch([[[[9, 2, 3, 4, 5]]]]), 2)
    changed = {name for name in first if first[name] != other[name]}
    assert changed == {("word", place) for place in WORDS if -2 in place}


def test_order_counts_in_a_pair(make_batch: Callable[..., Batch]) -> None:
    made = part()
    there, back = (of_place(made, make_batch([[[words]]]), 0) for words in ([1, 6], [6, 1]))
    assert there[("word", (0, 1))] != back[("word", (0, 1))]


def test_features_do_not_cross_sentences(
    make_batch: Callable[..., Batch],
) -> None:
    """A sentences neighbours and the rest of the batch are not read."""
    made = part().eval()
    alone = made.features(make_batch([[[[1, 2]]]]))
    among = made.features(make_batch([[[[7, 8], [1, 2], [3]]], [[[4]], [[5, 1]]]]))
    assert torch.equal(among[2:4], alone)
    edge = of_place(made, make_batch([[[[1, 2]]]]), 0)
    assert edge[("word", (-1,))] != edge[("word", (1,))]
    none = replace(
        make_batch([[[[1]]]]), word=torch.zeros(0, dtype=torch.int64), sentence_length=torch.zeros(1).long()
    )
    assert made(none)["names"].shape == (0, 3)


def test_emissions_are_sums_of_weights_task_by_task(make_batch: Callable[..., Batch]) -> None:
    made = part().eval()
    batch = make_batch([[[[1, 2, 3]]]])
    emissions = made(batch)
    assert {task: tuple(own.shape) for task, own in emissions.items()} == {"names": (3, 3), "keys": (3, 5)}
    expected = made.table.weight[made.features(batch)[1]].sum(0)
    assert torch.cat([emissions["names"][1], emissions["keys"][1]]).tolist() == pytest.approx(
        expected.tolist(), abs=1e-5
    )


def test_a_feature_of_one_training_word_is_never_trained(make_batch: Callable[..., Batch]) -> None:
    made = part(names=3)
    batch = make_batch([[[[1, 2, 3]]]])
    made.fit([batch, make_batch([[[[1, 2]]], [[[1, 2]]]])])
    counted = made.batches[made.features(batch)]
    places = [*WORDS, *SHAPES]
    assert counted[0, places.index((0,))] == 2  # word 1: in both batches
    assert counted[2, places.index((0,))] == 0  # word 3: once
    made.train()(batch)["names"].sum().backward()
    gradient = made.table.weight.grad
    assert gradient is not None
    moved = gradient.coalesce()
    changed = moved.indices()[0][moved.values().any(1)]
    assert set(changed.tolist()) == set(made.features(batch)[counted > 0].tolist())
