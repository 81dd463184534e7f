"""The wide part of tagging reads the words around a word, and no further than their sentence."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest
import torch

from mgm.model.batch import Batch
from mgm.model.wide.lexicon import Lexicon
from mgm.model.wide.tagging import FEATURE_TEMPLATES, SHAPES, WORDS, WideTagging
from mgm.settings.model import WideTaggingSettings
from mgm.settings.text import FeatureSettings

BUCKETS = 1 << 20


def part(**widths: int) -> WideTagging:
    made = WideTagging(WideTaggingSettings(buckets=BUCKETS), widths or {"names": 3, "keys": 5})
    return made


def with_weights(made: WideTagging, batch: Batch) -> WideTagging:
    """The part with a random weight for every feature of a batch."""
    hashes, random = made.features(batch).unique(), torch.Generator().manual_seed(0)
    made.set_coefficients(
        {task: (hashes, torch.randn(len(hashes), n, generator=random)) for task, n in made.widths.items()}
    )
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
    batch = make_batch([[[[1, 2, 3]]]])
    made = with_weights(part(), batch)
    emissions = made(batch)
    assert {task: tuple(own.shape) for task, own in emissions.items()} == {"names": (3, 3), "keys": (3, 5)}
    expected = made.table.weight[made.rows(made.features(batch)[1])].sum(0)
    assert expected.any()
    assert torch.cat([emissions["names"][1], emissions["keys"][1]]).tolist() == pytest.approx(
        expected.tolist(), abs=1e-5
    )


def test_features_without_a_weight_have_no_row(make_batch: Callable[..., Batch]) -> None:
    """The table has a row for features with a weight for some task, and the others add nothing."""
    made, batch = part(names=2, keys=1), make_batch([[[[1, 2, 3]]]])
    first, second = (made.features(batch)[0][1:3].sort().values, made.features(batch)[1][2:3])
    made.set_coefficients(
        {"names": (first, torch.tensor([[1.0, 2.0], [3.0, 4.0]])), "keys": (second, torch.tensor([[5.0]]))}
    )
    assert made.table.weight.shape == (4, 3)
    emissions = made(batch)
    assert emissions["names"].tolist() == [[4.0, 6.0], [0.0, 0.0], [0.0, 0.0]]
    assert emissions["keys"].tolist() == [[0.0], [5.0], [0.0]]


def test_weights_are_loaded_whatever_their_number(make_batch: Callable[..., Batch]) -> None:
    """A part without features or lists of terms takes those of the weights that it loads."""
    batch = make_batch([[[[1, 2, 3]]]])
    made, loaded = part(), part()
    terms = Lexicon.of_terms(pl.Series([["soup"]]), torch.tensor([1]), settings=FeatureSettings())
    made.set_lexicons([terms], {"names": frozenset()})
    with_weights(made, batch)
    loaded.load_state_dict(made.state_dict())
    assert loaded(batch)["keys"].any()
    torch.testing.assert_close(loaded(batch), made(batch))
    assert made.features(batch).shape[1] == len(made.features_to_learn("keys")) == len(FEATURE_TEMPLATES) + 3
    assert made.features_to_learn("names") == list(range(len(FEATURE_TEMPLATES)))


@pytest.mark.parametrize("hashes", [[3, 2], [-1, 2], [2, BUCKETS]], ids=["falling", "negative", "too large"])
def test_hashes_that_cannot_be_are_refused(hashes: list[int]) -> None:
    state = {"hashes": torch.tensor(hashes, dtype=torch.int64), "table.weight": torch.zeros(3, 8)}
    with pytest.raises(ValueError, match=f"hashes: expected rising numbers below {BUCKETS}"):
        part().load_state_dict(state)


def test_a_scaled_task_leaves_the_others_alone(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch([[[[1, 2, 3]]]])
    made = with_weights(part(), batch)
    before = made(batch)
    made.scale_emissions("keys", 0.5)
    torch.testing.assert_close(made(batch), {"names": before["names"], "keys": before["keys"] / 2})
