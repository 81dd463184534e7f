"""The source that the decoder attends to: the encoder's subwords and sentences, one behind the other.

Axes: B documents, S sentences, N words, U subwords that are read, L most subwords of a document, M items of a document, D width.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.generation.layers import EncoderLayer, sinusoidal_positions
from mgm.model.ragged import Ragged, Words
from mgm.settings.model import GenerationSettings


@dataclass(frozen=True)
class Memory:
    """The source of B documents.

    Attributes:
        items_BMD: vectors, first of L places of subwords, then of sentences.
        mask_BM: which items are there.
        subword_BL: the id of each subword.
        word_BL: the place of its word in the document.
        truncated_B: whether words were left out.
    """

    items_BMD: Tensor
    mask_BM: Tensor
    subword_BL: Tensor
    word_BL: Tensor
    truncated_B: Tensor

    @property
    def spelt_BL(self) -> Tensor:
        """(B,L) the places that hold a subword."""
        return self.mask_BM[:, : self.subword_BL.shape[1]]

    def rows(self, chosen: Tensor | slice) -> "Memory":
        """Return the source of some of the documents."""
        return Memory(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


@dataclass(frozen=True)
class Spelling:
    """The subwords that are read.

    Attributes:
        id: (U,) by document.
        word: (U,) the word of each, of the batch's N.
        sentences: (S,) the sentences that are read.
        truncated: (B,) whether some of the document is not read.
    """

    id: Ragged
    word: Tensor
    sentences: Tensor
    truncated: Tensor


def select_source_subwords(batch: Batch, limit: int) -> Spelling:
    """Return at most `limit` subwords of each document: its first whole sentences, or the beginning of the first one."""
    count_N = batch.type_subword_length[batch.word]
    documents = Ragged(count_N, batch.words_per_document)
    sentences = Ragged(count_N, batch.sentence_length)
    through_N = count_N.cumsum(0)
    before_B = torch.cat([through_N.new_zeros(1), through_N])[documents.start]
    through_N = through_N - before_B[documents.row]
    # the subwords of a document up to the end of each sentence
    end_S = (sentences.start + sentences.length - 1).clamp(min=0)
    through_S = through_N[end_S] if through_N.numel() else torch.zeros_like(end_S)
    first_S = Ragged(batch.sentence_length, batch.sentences_per_document).position == 0
    fits_S = (through_S <= limit) | first_S
    keep_N = fits_S[sentences.row] & (through_N - count_N < limit)
    begin_T = batch.type_subword_length.cumsum(0) - batch.type_subword_length
    kept = keep_N.nonzero()[:, 0]
    word = Ragged(torch.repeat_interleave(kept, count_N[kept]), count_N[kept])
    place = through_N[word.values] - count_N[word.values] + word.position
    inside = place < limit
    kept_words, position = word.values[inside], word.position[inside]
    length_B = torch.zeros_like(documents.length).index_add_(
        0, documents.row[kept_words], torch.ones_like(kept_words)
    )
    total_B = documents.sum_pool()
    ids = batch.type_subword[begin_T[batch.word[kept_words]] + position]
    return Spelling(Ragged(ids, length_B), kept_words, fits_S, length_B < total_B)


class SourceEncoder(nn.Module):
    """The source encoder: self-attention over subwords and, behind them, sentences where several are read.

    A subword is its embedding, by which it is generated too, with its word's vector and its place. There is no vector of the
    whole text: a decoder would rely on it before it learns to attend to words.
    """

    def __init__(self, settings: GenerationSettings, word_width: int) -> None:
        """Make the encoder of words of a width."""
        super().__init__()
        self.settings = settings
        width = settings.width
        self.words = nn.Sequential(nn.LayerNorm(word_width), nn.Linear(word_width, width))
        self.sentences = nn.Sequential(nn.LayerNorm(word_width), nn.Linear(word_width, width))
        self.layers = nn.ModuleList(EncoderLayer(settings) for _ in range(settings.encoder_layers))
        self.normalise = nn.LayerNorm(width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, batch: Batch, words: Words, pieces: nn.Embedding) -> Memory:
        """Return the source of each document.

        Args:
            batch: documents.
            words: their words' vectors.
            pieces: the embedding of subwords.
        """
        width = self.settings.width
        spelt = select_source_subwords(batch, self.settings.max_source_subwords)
        vectors = pieces(spelt.id.values) * math.sqrt(width) + self.words(words.values)[spelt.word]
        vectors = vectors + sinusoidal_positions(spelt.id.position, width)
        of_words, words_mask = Ragged(vectors, spelt.id.length).pad()
        sentences = Ragged(words.values, words.length).max_pool()
        read = Ragged(spelt.sentences.long(), words.sentences)
        several_S = (read.sum_pool() > 1)[read.row]
        in_order = Ragged(sentences, words.sentences).select(spelt.sentences & several_S)
        vectors = self.sentences(in_order.values) + sinusoidal_positions(in_order.position, width)
        of_sentences, sentences_mask = Ragged(vectors, in_order.length).pad()
        items = self.dropout(torch.cat([of_words, of_sentences], dim=1))
        mask = torch.cat([words_mask, sentences_mask], dim=1)
        for layer in self.layers:
            items = layer(items, mask)
        first_B = Ragged(batch.word, batch.words_per_document).start
        place = Ragged(spelt.word - first_B[spelt.id.row], spelt.id.length)
        return Memory(self.normalise(items), mask, spelt.id.pad()[0], place.pad()[0], spelt.truncated)
