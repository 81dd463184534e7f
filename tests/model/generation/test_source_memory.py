import torch
from torch import nn

from mgm.model.batch import Batch
from mgm.model.generation.source_memory import SourceEncoder, select_source_subwords
from mgm.model.ragged import Words
from mgm.settings.model import GenerationSettings


def batch(documents: list[list[list[int]]], spelt: list[int]) -> Batch:
    """Documents of sentences of words, of which word w has spelt[w] subwords, 10 * w, 10 * w + 1, ..."""
    sentences = [s for d in documents for s in d]
    none = torch.zeros(0, dtype=torch.int64)
    return Batch(
        type_id=torch.arange(len(spelt)),
        type_ngram=none,
        type_ngram_offset=torch.zeros(len(spelt) + 1, dtype=torch.int64),
        type_character=torch.zeros(0, dtype=torch.int64),
        type_character_offset=torch.zeros(len(spelt) + 1, dtype=torch.int64),
        type_property=torch.zeros(len(spelt), 4, dtype=torch.int64),
        word=torch.tensor([w for s in sentences for w in s]),
        content=torch.ones(sum(map(len, sentences)), dtype=torch.bool),
        sentence_length=torch.tensor([len(s) for s in sentences]),
        paragraph_length=torch.tensor([len(d) for d in documents]),
        document_length=torch.ones(len(documents), dtype=torch.int64),
        targets={},
        type_subword=torch.tensor([10 * w + i for w, n in enumerate(spelt) for i in range(n)]),
        type_subword_length=torch.tensor(spelt),
    )


def test_a_text_is_spelt_word_by_word() -> None:
    selected = select_source_subwords(batch([[[0, 1], [0]], [[1]]], [2, 1]), 9)
    assert selected.id.values.tolist() == [0, 1, 10, 0, 1, 10]
    assert selected.id.length.tolist() == [5, 1]
    assert selected.word.tolist() == [0, 0, 1, 2, 2, 3]
    assert selected.truncated.tolist() == [False, False]


def test_what_does_not_fit_is_cut_where_a_sentence_ends() -> None:
    selected = select_source_subwords(batch([[[0, 1], [1, 1], [0]], [[1, 1, 1, 1]]], [2, 1]), 5)
    assert selected.id.length.tolist() == [5, 4], "the third sentence would be the sixth and seventh subword"
    assert selected.is_selected_S.tolist() == [True, True, False, True]
    assert selected.truncated.tolist() == [True, False]


def test_sentences_behind_the_limit_are_left_out() -> None:
    """A short sentence behind one that is left out is left out too."""
    selected = select_source_subwords(batch([[[0], [1, 1, 1], [1]]], [2, 1]), 3)
    assert selected.id.values.tolist() == [0, 1]
    assert selected.is_selected_S.tolist() == [True, False, False]


def test_a_long_first_sentence_is_cut() -> None:
    """Of a first sentence that is too long the beginning is read."""
    selected = select_source_subwords(batch([[[0, 0, 1], [1]]], [3, 1]), 5)
    assert selected.id.values.tolist() == [0, 1, 2, 0, 1]
    assert selected.truncated.tolist() == [True]
    assert select_source_subwords(batch([[[0]]], [9]), 5).id.length.tolist() == [5], (
        "even of a word that is too long"
    )


def test_sentences_stand_behind_the_words_where_several_are_read() -> None:
    documents = batch([[[0, 1], [1]], [[1, 1, 0]], [[0, 1, 1], [0, 0]]], [2, 1])
    torch.manual_seed(0)
    reader = SourceEncoder(
        GenerationSettings(width=16, heads=2, feedforward_width=8, max_source_subwords=8), 6
    ).eval()
    pieces = nn.Embedding(20, 16)
    words = Words(torch.randn(11, 6), documents.sentence_length, documents.sentences_per_document)
    memory = reader(documents, words, pieces=pieces)
    there = [4 * [True] + 4 * [False], 4 * [True] + 4 * [False], 8 * [True]]
    assert memory.subword_mask_BL.tolist() == there
    assert memory.mask_BM[:, 8:].tolist() == [[True, True], [False, False], [True, True]]
    # a document of which one sentence is read, of two, is as one that has no other
    cut = SourceEncoder(GenerationSettings(width=16, heads=2, feedforward_width=8, max_source_subwords=8), 6)
    long = batch([[[0, 1, 1, 0], [0, 0]]], [2, 1])
    memory = cut(
        long, Words(torch.randn(6, 6), long.sentence_length, long.sentences_per_document), pieces=pieces
    )
    assert memory.truncated_B.tolist() == [True] and memory.mask_BM.tolist() == [6 * [True]]
