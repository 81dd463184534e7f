"""What masking takes out of a batch, and what guesses it by a sample."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import Batch
from mgm.training.pretraining.masking import mask_words
from mgm.training.pretraining.sampled_softmax import SampledSoftmax
from tests.model.conftest import batch_of

DOCUMENTS = [[[[1, 2, 3], [4, 5]], [[6]]], [[[7, 31, 2]]]]  # 31 is the unknown word: its id is 0


def batch() -> Batch:
    return batch_of(DOCUMENTS)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.3, 0.9]))
def test_chosen_words_are_known_and_the_others_stay(seed: int, share: float) -> None:
    torch.manual_seed(seed)
    before = batch()
    found = mask_words(before, share)
    ids = before.type_id[before.word]
    assert found.place.numel() > 0
    assert (found.word == ids[found.place]).all()
    assert (found.word > 0).all()
    kept = torch.ones(ids.numel(), dtype=torch.bool).index_fill_(0, found.place, False)
    assert (found.batch.word[kept] == before.word[kept]).all()
    assert found.batch.type_ngram_offset.numel() == found.batch.type_id.numel() + 1
    assert found.batch.type_character_offset.numel() == found.batch.type_id.numel() + 1


def test_most_are_hidden_some_changed_some_left() -> None:
    torch.manual_seed(0)
    many = batch_of([[[list(range(1, 30)) * 40]]])
    found = mask_words(many, 0.9)
    said, was = found.batch.word[found.place], many.word[found.place]
    types = many.type_id.numel()
    assert (said == types).float().mean().item() == pytest.approx(0.8, abs=0.05)
    assert (said == was).float().mean().item() == pytest.approx(0.1 + 0.1 / 29, abs=0.04)
    assert found.place.numel() / many.word.numel() == pytest.approx(0.9, abs=0.03)
    # the mask has nothing of a word
    assert (found.batch.type_id[types], found.batch.type_property[types].sum()) == (0, 0)
    assert found.batch.type_ngram_offset[types] == found.batch.type_ngram_offset[types + 1]


def test_a_batch_of_unknown_words_has_nothing_to_guess() -> None:
    assert mask_words(batch_of([[[[31, 31]]]]), 0.5).place.numel() == 0


def test_a_small_vocabulary_is_taken_whole() -> None:
    torch.manual_seed(0)
    head = SampledSoftmax(20, 4, sample=20)
    context, word = torch.randn(3, 4), torch.tensor([1, 20, 7])
    scores = context @ head.words.weight[1:].T
    expected = -scores.log_softmax(1)[torch.arange(3), word - 1].mean()
    assert head(context, word).item() == pytest.approx(expected.item(), abs=1e-5)


def test_the_sampled_loss_estimates_the_whole_one() -> None:
    """By many samples of a tenth of the vocabulary."""
    torch.manual_seed(0)
    head = SampledSoftmax(500, 8, sample=50)
    context, word = torch.randn(4, 8), torch.tensor([1, 3, 40, 499])
    whole = head.eval()(context, word).item()
    head.train()
    estimates = torch.tensor([head(context, word).item() for _ in range(400)])
    assert estimates.mean().item() == pytest.approx(whole, abs=0.1)
    assert estimates.std() > 0


def test_ids_are_drawn_by_rank_and_expected_as_often_as_drawn() -> None:
    torch.manual_seed(0)
    head = SampledSoftmax(100, 2, sample=200_000)
    drawn = torch.bincount(head.draw(torch.device("cpu")), minlength=101)
    assert drawn[0] == 0
    expected = head.log_expected(torch.arange(1, 101)).exp()
    assert expected.sum().item() == pytest.approx(200_000, rel=1e-4)
    assert drawn[1:].float().sqrt().sub(expected.sqrt()).abs().max() < 4  # each a Poisson count
    assert expected[0].item() == pytest.approx(200_000 * math.log(2) / math.log(101), rel=1e-4)
