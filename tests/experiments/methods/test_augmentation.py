"""Words deleted, swapped and masked, and documents mixed, in a batch of training."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.experiments.methods.augmentation import RandomAugmentation, delete_words, mask_runs, swap_words
from mgm.model.batch import NO_LABEL, Batch
from mgm.model.mixup import Mixup
from mgm.settings.training import AugmentationSettings
from tests.model.conftest import batch_of

document = st.lists(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=9), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)
TAGGING = {"names"}


def spelt(batch: Batch) -> list[list[int]]:
    """The vocabulary ids of each sentence's words."""
    return [s.tolist() for s in batch.type_id[batch.word].split(batch.sentence_length.tolist())]


def names(batch: Batch) -> list[list[int]]:
    return [s.tolist() for s in batch.targets["names"].split(batch.sentence_length.tolist())]


def in_order(part: list[int], whole: list[int]) -> bool:
    left = iter(whole)
    return all(word in left for word in part)


@settings(max_examples=40)
@given(documents=st.lists(document, min_size=1, max_size=4), probability=st.sampled_from([0.1, 0.5, 0.99]))
def test_deletion_keeps_the_order_and_every_sentence(documents: list, probability: float) -> None:
    """Deleted words leave the others in their order and every sentence one."""
    torch.manual_seed(len(documents))
    batch = batch_of(documents)
    found = delete_words(batch, probability, word_tasks=set())
    assert torch.equal(found.paragraph_length, batch.paragraph_length)
    for after, before in zip(spelt(found), spelt(batch), strict=True):
        assert len(after) >= 1
        assert in_order(after, before)
    assert len(found.content) == len(found.word)


def test_so_many_words_are_deleted_swapped_and_masked() -> None:
    torch.manual_seed(0)
    batch = batch_of([[[list(range(30)) * 2 for _ in range(20)] for _ in range(5)] for _ in range(4)])
    count = batch.word.numel()
    assert delete_words(batch, 0.2, word_tasks=set()).word.numel() / count == pytest.approx(0.8, abs=0.01)
    # of the 18 words of a sentence that are chosen, one stays where it is, by chance
    moved = (swap_words(batch, 0.3, word_tasks=set()).word != batch.word).float().mean()
    assert float(moved) == pytest.approx(0.3 * (1 - 1 / 18), abs=0.02)
    for words in (1, 3, 10):
        masked = mask_runs(batch, 0.15, run_length=words)
        hidden = masked.word == len(batch.type_id)
        assert float(hidden.float().mean()) == pytest.approx(0.15, abs=0.02)
        assert torch.equal(masked.word[~hidden], batch.word[~hidden])


def test_masked_runs_end_with_their_sentence() -> None:
    """Masked words come in runs that end with their sentence and are unknown."""
    torch.manual_seed(1)
    batch = batch_of([[[list(range(1, 13))] * 50]])
    masked = mask_runs(batch, 0.2, run_length=4)
    assert masked.type_id[-1] == 0
    assert masked.type_property[-1].tolist() == [0, 0, 0, 0]
    assert masked.type_ngram_offset.diff()[-1] == 0  # no n-grams
    assert masked.type_character_offset.diff().tolist() == [0] * len(masked.type_id)
    rows = [(s == len(batch.type_id)).tolist() for s in masked.word.split(12)]
    lengths = set()
    for row in rows:
        inner = "".join(map(str, map(int, row))).strip("0")
        lengths |= {len(run) for run in inner.split("0") if run}
        inside = "".join(map(str, map(int, row))).split("0")[1:-1]
        assert all(len(run) >= 4 for run in inside if run)
    assert min(lengths) < 4 < max(lengths)  # cut at an end; two that touch
    first, last = (sum(row[at] for row in rows) for at in (0, -1))
    assert first >= 2 and last >= 2


@settings(max_examples=40)
@given(documents=st.lists(document, min_size=1, max_size=4), labelled=st.booleans())
def test_swapped_words_stay_in_their_sentence(documents: list, labelled: bool) -> None:
    """Swapped words stay in their sentence with what is known of them."""
    torch.manual_seed(len(documents))
    batch = batch_of(documents)
    target = torch.full_like(batch.word, NO_LABEL)
    of_first = int(batch.words_per_document[0])
    target[:of_first] = 0 if labelled else NO_LABEL
    found = swap_words(batch_of(documents, {"names": target}), 0.9, word_tasks=TAGGING)
    for after, before in zip(spelt(found), spelt(batch), strict=True):
        assert sorted(after) == sorted(before)
    pairs = [sorted(zip(b.word.tolist(), b.content.tolist(), strict=True)) for b in (found, batch)]
    assert pairs[0] == pairs[1]
    if labelled:  # the order of words is what the labels are about
        assert torch.equal(found.word[:of_first], batch.word[:of_first])
    assert torch.equal(found.targets["names"], target)


def test_labels_move_with_the_remaining_words() -> None:
    """Labels move with the words that are left and spans stay whole."""
    sentences = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [10, 11]]
    of_word = {1: 1, 2: 2, 3: 2, 4: 1, 5: 0, 6: 3, 7: 3, 8: 4, 9: 0, 10: NO_LABEL, 11: NO_LABEL}
    # spans: 1-3 and 4 of the first label, 6 of the second, and in the next sentence 7-8
    span_of = {1: "a", 2: "a", 3: "a", 4: "b", 6: "c", 7: "d", 8: "d"}
    tags = torch.tensor([of_word[w] for s in sentences for w in s])
    batch = batch_of([[sentences[:2]], [sentences[2:]]], {"names": tags, "genre": torch.tensor([0, 1])})
    seen = set()
    for seed in range(60):
        torch.manual_seed(seed)
        found = delete_words(batch, 0.5, word_tasks=TAGGING)
        assert torch.equal(found.targets["genre"], batch.targets["genre"])
        for words, labels in zip(spelt(found), names(found), strict=True):
            last = None
            for word, label in zip(words, labels, strict=True):
                span = span_of.get(word)
                expected = (
                    of_word[word]
                    if span is None
                    else (of_word[word] - 1) // 2 * 2 + (1 if span != last else 2)
                )
                assert label == expected, (words, labels)
                last = span
        seen |= {(*words,) for words in spelt(found)}
    assert any(row[:1] == (2,) for row in seen), "a span must have lost its first word, or nothing is shown"
    masked = mask_runs(batch, 0.5, run_length=2)
    assert torch.equal(masked.targets["names"], batch.targets["names"])


def test_a_batch_without_words_stays_one() -> None:
    empty = torch.zeros(0, dtype=torch.int64)
    batch = Batch(
        type_id=empty, type_ngram=empty, type_ngram_offset=torch.zeros(1, dtype=torch.int64),
        type_character=empty, type_character_offset=torch.zeros(1, dtype=torch.int64),
        type_property=torch.zeros(0, 4, dtype=torch.int64), word=empty, content=torch.zeros(0, dtype=torch.bool),
        sentence_length=empty, paragraph_length=empty, document_length=torch.zeros(2, dtype=torch.int64), targets={},
    )  # fmt: skip
    found = RandomAugmentation(AugmentationSettings(delete=0.5, swap=0.5, mask=0.5), TAGGING).augment(batch)
    assert found.word.numel() == 0
    assert found.size == 2


def test_what_is_off_changes_nothing_and_draws_no_number() -> None:
    batch, off = batch_of([[[[1, 2, 3]]]]), AugmentationSettings()
    torch.manual_seed(5)
    assert RandomAugmentation(off, TAGGING).augment(batch) is batch
    assert RandomAugmentation(off, TAGGING).draw_mixup(batch) is None
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)


def test_mixup_interpolates_vectors_and_losses() -> None:
    """Mixed vectors and losses lie between those of two documents."""
    made = Mixup(0.75, torch.tensor([1, 0, 2]))
    vectors = torch.tensor([[0.0, 4.0], [8.0, 0.0], [1.0, 1.0]])
    assert made.vectors(vectors).tolist() == [[2.0, 3.0], [6.0, 1.0], [1.0, 1.0]]
    assert made.loss(torch.tensor(4.0), torch.tensor(8.0)).item() == 5.0


def test_batches_are_mixed_with_the_set_probability() -> None:
    """Batches are mixed as often as set in shares of a beta distribution."""
    torch.manual_seed(3)
    batch = batch_of([[[[1, 2]]], [[[3]]], [[[4]]]])
    drawn = [
        RandomAugmentation(AugmentationSettings(mixup=0.25, mixup_alpha=2.0), TAGGING).draw_mixup(batch)
        for _ in range(2_000)
    ]
    found = [m for m in drawn if m is not None]
    assert len(found) / 2_000 == pytest.approx(0.25, abs=0.03)
    shares = torch.tensor([m.share for m in found])
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.04)
    assert float(shares.var()) == pytest.approx(0.05, abs=0.01)  # of Beta(2, 2)
    assert all(sorted(m.partner.tolist()) == [0, 1, 2] for m in found)


def test_only_heads_of_documents_read_mixed_vectors(make_mixed: Callable[..., Any]) -> None:
    """Mixed whole with its partner (share 0), a document has its partner's outputs and, by its loss, its targets."""
    network, batch = make_mixed()
    swapped = Mixup(0.0, torch.tensor([1, 2, 0]))
    plain, mixed = network.deep_outputs(batch), network.deep_outputs(batch, mixing=swapped)
    for task in ("genre", "type"):
        torch.testing.assert_close(mixed[task], plain[task][swapped.partner])
    assert torch.equal(mixed["names"], plain["names"])
    losses = network.losses(plain, batch, smoothing=0.0)
    found = network.losses(mixed, batch, smoothing=0.0, mixing=swapped)
    assert found.keys() == losses.keys()
    for task, loss in losses.items():
        torch.testing.assert_close(found[task], loss)
    half = network.losses(mixed, batch, smoothing=0.0, mixing=Mixup(0.5, swapped.partner))
    wrong = network.losses(mixed, batch, smoothing=0.0)
    torch.testing.assert_close(half["genre"], (losses["genre"] + wrong["genre"]) / 2)


@pytest.fixture
def make_mixed() -> Callable[..., Any]:
    from tests.model.test_network import labelled, network

    def made() -> tuple[Any, Batch]:
        batch = labelled(batch_of)
        batch.targets["genre"] = torch.tensor([0, 1, 2])
        return network(dropout=0.0).eval(), batch

    return made
