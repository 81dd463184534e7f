from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.heads import ClassificationHead, MultilabelHead, RegressionHead, TaggingHead
from mgm.model.heads.crf import TransitionScores, marginals, negative_log_likelihood, viterbi
from mgm.model.ragged import Ragged

TWO = [[[[1, 2, 3], [4]]], [[[5, 6]]]]  # documents of 3+1 and 2 words


def brute_force(
    emission: torch.Tensor, start: torch.Tensor, transition: torch.Tensor
) -> dict[tuple[int, ...], float]:
    """Every sequence of tags of one sentence, with its score."""
    tags = range(emission.shape[1])
    return {
        sequence: float(
            start[sequence[0]]
            + sum(emission[i, t] for i, t in enumerate(sequence))
            + sum(transition[a, b] for a, b in pairwise(sequence))
        )
        for sequence in product(tags, repeat=len(emission))
    }


def field(length: list[int], seed: int) -> tuple[Ragged, TransitionScores]:
    torch.manual_seed(seed)
    head = TaggingHead(1, ["x"])
    torch.nn.init.normal_(head.start)
    torch.nn.init.normal_(head.transition)
    scores = TransitionScores(*(part.detach() for part in head.double().scores()))
    return Ragged(2 * torch.randn(sum(length), 3, dtype=torch.double), torch.tensor(length)), scores


@settings(max_examples=15)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 1000))
def test_field_equals_enumeration(length: list[int], seed: int) -> None:
    emissions, field_scores = field(length, seed)
    likelihood, best, posterior = 0.0, [], []
    gold = torch.zeros(sum(length), dtype=torch.int64)
    for row in emissions.values.split(length):
        scores = brute_force(row, *field_scores)
        sequences, values = (
            torch.tensor(list(scores)),
            torch.tensor(list(scores.values()), dtype=torch.double),
        )
        best += list(max(scores.items(), key=lambda s: s[1])[0])
        likelihood += float(scores[(0,) * len(row)] - values.logsumexp(0))
        probability = values.softmax(0)
        posterior.append(
            torch.stack([((sequences == t) * probability[:, None]).sum(0) for t in range(3)], dim=1)
        )
    found = negative_log_likelihood(emissions, gold, scores=field_scores)
    assert float(found) == pytest.approx(-likelihood, abs=1e-5)
    assert viterbi(emissions, field_scores).tolist() == best
    torch.testing.assert_close(marginals(emissions, field_scores).tag, torch.cat(posterior))


def test_gradients_of_the_likelihood_are_right() -> None:
    emissions, scores = field([3, 1, 4], 0)
    gold = torch.tensor([1, 2, 0, 0, 0, 1, 2, 2])
    inputs = (emissions.values.requires_grad_(), *(part.requires_grad_() for part in scores))

    def loss(values: torch.Tensor, start: torch.Tensor, transition: torch.Tensor) -> torch.Tensor:
        return negative_log_likelihood(
            Ragged(values, emissions.length), gold, scores=TransitionScores(start, transition)
        )

    assert torch.autograd.gradcheck(loss, inputs)


@settings(max_examples=20)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(0, 1000), st.sampled_from([1.0, 1000.0])
)
def test_decoded_tags_are_valid_bio(
    make_batch: Callable[..., Batch], length: list[int], seed: int, scale: float
) -> None:
    """Decoded tags are valid BIO and their probabilities finite."""
    torch.manual_seed(seed)
    head = TaggingHead(4, ["x", "y"])
    output = scale * torch.randn(sum(length), 5)
    batch = make_batch([[[[1] * n for n in length]]])
    tags, score = head.decode(output, batch)
    assert torch.equal(head.repair(Ragged(tags, batch.sentence_length)), tags)
    assert ((score >= 0) & (score <= 1 + 1e-6)).all()
    target = head.repair(Ragged(torch.randint(0, 5, tags.shape), batch.sentence_length))
    loss = head.loss(output.requires_grad_(), target, batch=batch, smoothing=0.0)
    assert loss is not None
    assert loss.isfinite()
    loss.backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()


def test_a_span_that_crosses_a_sentence_begins_anew() -> None:
    head = TaggingHead(1, ["x", "y"])
    tags = Ragged(torch.tensor([0, 1, 2, 2, 2, 4]), torch.tensor([3, 3]))
    assert head.repair(tags).tolist() == [0, 1, 2, 1, 2, 3]


@pytest.mark.parametrize("kind", [ClassificationHead, MultilabelHead, RegressionHead, TaggingHead])
def test_missing_labels_give_no_loss_and_exactly_no_gradient(
    make_batch: Callable[..., Batch], kind: Any
) -> None:
    torch.manual_seed(0)
    batch = make_batch(TWO)
    head = kind(4, ["x", "y"])
    vectors = torch.randn(6 if kind is TaggingHead else 2, 4, requires_grad=True)
    nothing, one = {
        ClassificationHead: (torch.tensor([NO_LABEL, NO_LABEL]), torch.tensor([NO_LABEL, 1])),
        MultilabelHead: (torch.full((2, 2), torch.nan), torch.tensor([[torch.nan, torch.nan], [0.0, 1.0]])),
        RegressionHead: (torch.tensor([torch.nan, torch.nan]), torch.tensor([torch.nan, 3.0])),
        TaggingHead: (torch.full((6,), NO_LABEL), torch.tensor([NO_LABEL] * 4 + [0, 1])),
    }[kind]
    assert head.loss(head(vectors), nothing, batch=batch, smoothing=0.1) is None
    loss = head.loss(head(vectors), one, batch=batch, smoothing=0.1)
    alone = head.loss(
        head(vectors)[-2 if kind is TaggingHead else -1 :],
        one[-2 if kind is TaggingHead else -1 :],
        batch=make_batch(TWO[1:]),
        smoothing=0.1,
    )
    torch.testing.assert_close(loss, alone)
    loss.backward()
    assert vectors.grad is not None
    unlabelled = vectors.grad[: 4 if kind is TaggingHead else 1]
    assert unlabelled.eq(0).all()
    assert vectors.grad.ne(0).any()


def test_regression_standardises_and_converts_back(
    make_batch: Callable[..., Batch],
) -> None:
    """Regression learns on the standardised scale and answers in its own units."""
    head = RegressionHead(1, [])
    head.fit(torch.tensor([1.0, 3.0, torch.nan]))
    assert (float(head.mean), float(head.deviation)) == (2.0, 1.0)
    assert head.decode(torch.tensor([0.0, -2.0]), make_batch(TWO)).tolist() == [2.0, 0.0]
    head.fit(torch.tensor([5.0, 5.0]))
    assert (float(head.mean), float(head.deviation)) == (5.0, 1.0)


def test_heads_start_from_the_shares_of_their_labels() -> None:
    head = ClassificationHead(1, ["x", "y"])
    head.fit(torch.tensor([0, 0, NO_LABEL, 1]))
    torch.testing.assert_close(head.logits.bias.exp(), torch.tensor([0.6, 0.4]))
    sets = MultilabelHead(1, ["x", "y"])
    sets.fit(torch.tensor([[1.0, 0.0], [1.0, 1.0], [torch.nan, torch.nan]]))
    torch.testing.assert_close(sets.logits.bias.sigmoid(), torch.tensor([0.75, 0.5]))
