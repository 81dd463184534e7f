from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from mgm.model.attention import AdditivePooling, SelfAttention
from mgm.model.batch import Batch
from mgm.model.encoder import Encoder
from mgm.model.fusion import GatedFusion
from mgm.model.granularity.character import Character
from mgm.model.granularity.sentence import Sentence
from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.granularity.window import Window
from mgm.model.granularity.word import Word
from mgm.model.ragged import Ragged
from mgm.settings.model import ModelSettings

DOCUMENTS = [[[[1, 2, 3], [4]], [[5, 6]]], [[[7]]], [[[2, 2, 9, 8, 1]], [[3], [1, 1]]]]
LEVELS = ("character", "word", "window", "lead", "sentence", "paragraph", "document")


def settings(**changes: Any) -> ModelSettings:
    small: dict[str, dict[str, object]] = {name: {} for name in LEVELS}
    for name in ("window", "sentence", "paragraph", "document"):
        small[name] = {"width": 8}
    merged = {name: small[name] | changes.get(name, {}) for name in LEVELS}
    return ModelSettings.model_validate({"width": 6} | merged)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_window_equals_a_convolution_of_each_document_alone(
    make_batch: Callable[..., Batch], size: int
) -> None:
    torch.manual_seed(0)
    reading = TokenSelection.of(make_batch(DOCUMENTS), "all")
    window = Window(4, size, width=5)
    types = torch.randn(int(reading.sentences.values.max()) + 1, 4)
    got = window(types, reading)
    kernel = window.places.weight.view(size, 5, 4).permute(1, 2, 0)
    left = (size - 1) // 2
    for row, states in zip(
        reading.documents.values.split(got.length.tolist()),
        got.values.split(got.length.tolist()),
        strict=True,
    ):
        padded = F.pad(types[row].T, (left, size - 1 - left))
        expected = F.conv1d(padded[None], kernel, window.bias)[0].T
        torch.testing.assert_close(states, expected)


def test_sentence_states_depend_on_their_sentence_alone(make_batch: Callable[..., Batch]) -> None:
    encoder, types = Sentence(4, 6), torch.randn(9, 4)
    together = encoder(types, TokenSelection.of(make_batch(DOCUMENTS), "all"))
    reading = TokenSelection(Ragged(torch.tensor([4, 5]), torch.tensor([2])), torch.tensor([1]))
    torch.testing.assert_close(together.values[4:6], encoder(types, reading).values)


def test_content_reading_drops_words_and_keeps_sentences(make_batch: Callable[..., Batch]) -> None:
    reading = TokenSelection.of(make_batch(DOCUMENTS), "content")
    assert reading.sentences.length.tolist() == [1, 1, 1, 0, 3, 0, 0]
    assert reading.documents.length.tolist() == [3, 0, 3]


def test_a_word_is_the_mean_of_its_ngrams(make_batch: Callable[..., Batch]) -> None:
    character = Character(50, 3)
    batch = make_batch([[[[3, 4]]]])
    for row, ngrams in enumerate(([21, 22, 23, 24], [28])):
        torch.testing.assert_close(character(batch)[row], character.ngrams.weight[ngrams].mean(0))


def test_word_dropout_of_one_makes_every_word_unknown(make_batch: Callable[..., Batch]) -> None:
    word, batch = Word(30, 3), make_batch([[[[3, 4]]]])
    word.words.weight.data[0] = 100
    assert (word(batch, 1.0) > 50).all()
    assert (word(batch) < 50).all()


def test_self_attention_equals_torch_on_each_row_alone() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(6, 2)
    reference = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    reference.load_state_dict(
        {
            "in_proj_weight": attention.query_key_value.weight,
            "in_proj_bias": attention.query_key_value.bias,
            "out_proj.weight": attention.output.weight,
            "out_proj.bias": attention.output.bias,
        }
    )
    items = Ragged(torch.randn(15, 6), torch.tensor([3, 0, 1, 9, 2]))
    got = attention(items)
    for row, mixed in zip(
        items.values.split([3, 0, 1, 9, 2]), got.values.split([3, 0, 1, 9, 2]), strict=True
    ):
        if len(row):
            expected = attention.normalise(row + reference(row[None], row[None], row[None])[0][0])
            torch.testing.assert_close(mixed, expected)


def test_additive_pooling_follows_its_formula() -> None:
    pool = AdditivePooling(4)
    items = Ragged(torch.randn(5, 4), torch.tensor([2, 0, 3]))
    pooled = pool(items)
    for row, got in zip(items.values.split([2, 0, 3]), pooled, strict=True):
        weight = (torch.tanh(row @ pool.hidden.weight.T + pool.hidden.bias) @ pool.context.weight[0]).softmax(
            0
        )
        torch.testing.assert_close(got, weight @ row)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="width 6 is no multiple of heads 4"):
        SelfAttention(6, 4)


@pytest.mark.parametrize("level", LEVELS)
def test_each_granularity_alone_and_off(make_batch: Callable[..., Batch], level: str) -> None:
    """Any single granularity works and any single one can be off."""
    for on in (True, False):
        chosen = settings(**{name: {"enabled": (name == level) is on} for name in LEVELS})
        encoder = Encoder(chosen, vocabulary_size=30, ngram_buckets=50)
        pooled, words = encoder(make_batch(DOCUMENTS))
        assert {name: tuple(v.shape) for name, v in pooled.items()} == {
            n: (3, w) for n, w in encoder.widths.items()
        }
        assert (0 if words is None else words.values.shape[1]) == encoder.word_width
        assert any(name.startswith(level) for name in pooled) is on


def test_without_any_granularity_there_is_no_encoder() -> None:
    with pytest.raises(ValueError, match="every granularity is off"):
        Encoder(
            settings(**{name: {"enabled": False} for name in LEVELS}), vocabulary_size=30, ngram_buckets=50
        )


def test_a_document_without_content_words_gives_zeros_and_no_nan(make_batch: Callable[..., Batch]) -> None:
    readers = ("character", "word", "window", "sentence")
    encoder = Encoder(
        settings(**{name: {"words": "content"} for name in readers}), vocabulary_size=30, ngram_buckets=50
    )
    for batch in (make_batch(DOCUMENTS), make_batch(DOCUMENTS, content=False)):
        pooled, _ = encoder(batch)
        for name, vectors in pooled.items():
            assert vectors.isfinite().all(), name
            if name.startswith(readers):
                assert vectors[1].eq(0).all(), name  # its only word, 7, is no content word
        sum(v.sum() for v in pooled.values()).backward()
        assert all(p.grad.isfinite().all() for p in encoder.parameters() if p.grad is not None)


def test_tagging_reads_all_words_whatever_a_granularity_reads(make_batch: Callable[..., Batch]) -> None:
    levels = ("window", "sentence")
    torch.manual_seed(0)
    every = Encoder(settings(), vocabulary_size=30, ngram_buckets=50).eval()
    content = Encoder(
        settings(**{name: {"words": "content"} for name in levels}), vocabulary_size=30, ngram_buckets=50
    ).eval()
    content.load_state_dict(every.state_dict())
    torch.testing.assert_close(
        content(make_batch(DOCUMENTS))[1].values, every(make_batch(DOCUMENTS))[1].values
    )


def test_gates_are_a_softmax_over_granularities_for_each_task() -> None:
    fusion = GatedFusion({"word": 3, "document": 5}, ["a", "b"], width=4, dropout=0.0)
    fusion.gate_TG.data = torch.tensor([[0.0, 0.0], [200.0, 0.0]])
    assert fusion.gate_weights() == {"a": {"word": 0.5, "document": 0.5}, "b": {"word": 1.0, "document": 0.0}}
    pooled = {"word": torch.randn(2, 3), "document": torch.randn(2, 5)}
    changed = pooled | {"document": torch.randn(2, 5)}
    assert torch.equal(fusion(pooled)["b"], fusion(changed)["b"])
    assert not torch.equal(fusion(pooled)["a"], fusion(changed)["a"])


def test_the_cell_of_the_settings_reaches_the_sentence_encoder() -> None:
    encoder = Encoder(settings(sentence={"cell": "lstm"}), vocabulary_size=30, ngram_buckets=50)
    sentence = encoder.level(Sentence)
    assert sentence is not None
    assert sentence.recurrent.shape == (2, 4, 4 * 4)


def test_the_lead_is_the_first_sentence_of_each_document(make_batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    chosen = settings(sentence={"enabled": False})
    encoder = Encoder(chosen, vocabulary_size=30, ngram_buckets=50).eval()
    lead = [[[[1, 2, 3]]], [[[7]]], [[[2, 2, 9, 8, 1]]]]
    whole, alone = encoder(make_batch(DOCUMENTS))[0]["lead"], encoder(make_batch(lead))[0]["lead"]
    width = chosen.width  # behind the mean of the words stand windows, which reach beyond the lead
    torch.testing.assert_close(whole[:, :width], alone[:, :width])
    torch.testing.assert_close(whole[1], alone[1])


def test_a_lead_without_content_words_has_windows_of_zeros(make_batch: Callable[..., Batch]) -> None:
    encoder = Encoder(settings(window={"words": "content"}), vocabulary_size=30, ngram_buckets=50).eval()
    lead = encoder(make_batch([[[[1, 3], [2]]]]))[0]["lead"]
    assert lead[0, 6:].tolist() == [0.0] * (lead.shape[1] - 6)
    assert lead[0, :6].any()
