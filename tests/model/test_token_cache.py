"""Words read once are not read again, and what was kept of them is what reading them gives."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import Batch
from mgm.model.encoder import Encoder
from mgm.model.token_cache import MAX_BYTES, TokenCache
from mgm.settings.model import ModelSettings
from tests.model.conftest import BUCKETS_OF_NGRAMS, VOCABULARY, batch_of

SETTINGS = ModelSettings.model_validate(
    {
        "width": 6,
        "window": {"width": 5, "sizes": [2, 4]},
        "sentence": {"width": 6},
        "document": {"heads": 2, "width": 6},
    }
    | {"paragraph": {"width": 6}}
)
FIRST = [[[[1, 2, 3], [4]], [[5, 6]]], [[[7]]]]
SECOND = [[[[2, 2, 9, 8, 1]], [[3], [1, 1]]], [[[40, 7]]]]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(SETTINGS, vocabulary_size=VOCABULARY, ngram_buckets=BUCKETS_OF_NGRAMS).eval()


class Counting(TokenCache):
    """Tells how many words it has the encoder read."""

    def __init__(self, encoder: Encoder, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(encoder, max_bytes)
        self.read: list[int] = []

    def _add(self, key_U: torch.Tensor, batch: Batch) -> None:
        self.read.append(key_U.numel())
        super()._add(key_U, batch)


def same(encoder: Encoder, table: TokenCache, batch: Batch) -> None:
    """Asserts that the batch is encoded alike with and without the table."""
    with torch.inference_mode():
        expected, words = encoder(batch)
        found, states = encoder(batch, types=table.types(batch))
    for name, vectors in expected.items():
        torch.testing.assert_close(found[name], vectors)
    torch.testing.assert_close(states.values, words.values)


def test_only_words_not_met_before_are_read(encoder: Encoder, make_batch: Callable[..., Batch]) -> None:
    table = Counting(encoder)
    for documents in (FIRST, SECOND, FIRST):
        same(encoder, table, make_batch(documents))
    assert table.read == [7, 3]  # 8, 9 and 40 of the second


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 90), min_size=1, max_size=12), min_size=1, max_size=6),
    st.integers(1, 12),
)
def test_a_full_table_forgets_and_goes_on(encoder: Encoder, batches: list[list[int]], words: int) -> None:
    bytes_of_a_word = 4 * (3 * 6 + (2 + 4) * 5 + 2 * 3 * 3)  # vectors, windows, gates of both directions
    table = TokenCache(encoder, words * bytes_of_a_word)
    for sentence in batches:
        same(encoder, table, batch_of([[[sentence]]]))
        assert table.capacity == words
        assert table.keys.numel() <= words


@pytest.mark.parametrize("feature", ["type_id", "type_ngram", "type_property"])
def test_words_that_differ_in_one_feature_are_two(
    encoder: Encoder, make_batch: Callable[..., Batch], feature: str
) -> None:
    one = make_batch([[[[5]]]])
    other = replace(one, **{feature: getattr(one, feature).clone()})
    getattr(other, feature).view(-1)[0] += 1
    table = Counting(encoder)
    for batch in (one, other):
        same(encoder, table, batch)
    assert table.read == [1, 1]


def test_unknown_words_of_the_same_features_are_one(
    encoder: Encoder, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch([[[[5, 6]]]])
    twice = replace(
        batch,
        type_id=torch.zeros(2, dtype=torch.int64),
        type_ngram=torch.tensor([1, 2, 2, 1]),
        type_ngram_offset=torch.tensor([0, 2, 4]),
        type_property=batch.type_property[:1].repeat(2, 1),
    )
    table = Counting(encoder)
    same(encoder, table, twice)
    assert table.read == [1]
