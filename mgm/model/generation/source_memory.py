"""The source that the decoder attends to: the subwords of a document, followed by its sentences.

Axes: B documents, S sentences, N words, U selected subwords, L the most subwords of a document, M items of a document, D width.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.dropout import Dropout
from mgm.model.generation.layers import EncoderLayer, sinusoidal_positions
from mgm.model.ragged import Ragged, Words
from mgm.settings.model import GenerationSettings


@dataclass(frozen=True)
class Memory:
    """The source of B documents.

    Attributes:
        items_BMD: vectors, first of L subwords, then of sentences.
        mask_BM: whether an item is real rather than padding.
        subword_BL: the id of each subword.
        word_BL: the position of the subword's word in the document.
        truncated_B: whether words of the document were left out.
    """

    items_BMD: Tensor
    mask_BM: Tensor
    subword_BL: Tensor
    word_BL: Tensor
    truncated_B: Tensor

    @property
    def subword_mask_BL(self) -> Tensor:
        """(B,L) whether a subword is real rather than padding."""
        return self.mask_BM[:, : self.subword_BL.shape[1]]

    def select(self, documents: Tensor | slice) -> "Memory":
        """Return the source of some of the documents."""
        return Memory(**{f.name: getattr(self, f.name)[documents] for f in fields(self)})


@dataclass(frozen=True)
class SourceSubwords:
    """The subwords that are selected as the source.

    Attributes:
        id: (U,) the id of each, by document.
        word: (U,) the index of its word among the batch's N.
        is_selected_S: (S,) whether a sentence is selected.
        truncated: (B,) whether a part of the document is left out.
    """

    id: Ragged
    word: Tensor
    is_selected_S: Tensor
    truncated: Tensor


def select_source_subwords(batch: Batch, limit: int) -> SourceSubwords:
    """Return at most `limit` subwords of each document: its first whole sentences, or the beginning of a longer first one."""
    count_N = batch.type_subword_length[batch.word]
    documents = Ragged(count_N, batch.words_per_document)
    sentences = Ragged(count_N, batch.sentence_length)
    through_N = count_N.cumsum(0)
    before_B = torch.cat([through_N.new_zeros(1), through_N])[documents.start]
    through_N = through_N - before_B[documents.row]
    # the number of subwords of the document up to the end of each sentence
    end_S = (sentences.start + sentences.length - 1).clamp(min=0)
    through_S = through_N[end_S] if through_N.numel() else torch.zeros_like(end_S)
    first_S = Ragged(batch.sentence_length, batch.sentences_per_document).position == 0
    fits_S = (through_S <= limit) | first_S
    keep_N = fits_S[sentences.row] & (through_N - count_N < limit)
    begin_T = batch.type_subword_length.cumsum(0) - batch.type_subword_length
    kept = keep_N.nonzero()[:, 0]
    word = Ragged(torch.repeat_interleave(kept, count_N[kept]), count_N[kept])
    position = through_N[word.values] - count_N[word.values] + word.position
    inside = position < limit
    kept_words, place_in_word = word.values[inside], word.position[inside]
    length_B = torch.zeros_like(documents.length).index_add_(
        0, documents.row[kept_words], torch.ones_like(kept_words)
    )
    total_B = documents.sum_pool()
    ids = batch.type_subword[begin_T[batch.word[kept_words]] + place_in_word]
    return SourceSubwords(
        id=Ragged(ids, length_B), word=kept_words, is_selected_S=fits_S, truncated=length_B < total_B
    )


class SourceEncoder(nn.Module):
    """The source encoder: self-attention over subwords, and over sentences where several are selected.

    The vector of a subword is the sum of its embedding, which the decoder's output layer shares, its word's vector and its position.
    There is no vector of the whole text: a decoder would rely on it before it learns to attend to words.
    """

    def __init__(self, settings: GenerationSettings, word_width: int) -> None:
        """Make the encoder for words of width `word_width`."""
        super().__init__()
        self.settings = settings
        width = settings.width
        self.words = nn.Sequential(nn.LayerNorm(word_width), nn.Linear(word_width, width))
        self.sentences = nn.Sequential(nn.LayerNorm(word_width), nn.Linear(word_width, width))
        self.layers = nn.ModuleList(EncoderLayer(settings) for _ in range(settings.encoder_layers))
        self.normalise = nn.LayerNorm(width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, batch: Batch, words: Words, *, pieces: nn.Embedding) -> Memory:
        """Return the source of each document.

        Args:
            batch: documents.
            words: the vectors of their words.
            pieces: the embedding of subwords.
        """
        width = self.settings.width
        subwords = select_source_subwords(batch, self.settings.max_source_subwords)
        vectors = pieces(subwords.id.values) * math.sqrt(width) + self.words(words.values)[subwords.word]
        vectors = vectors + sinusoidal_positions(subwords.id.position, width)
        subword_vectors, subword_mask = Ragged(vectors, subwords.id.length).pad()
        sentences = Ragged(words.values, words.length).max_pool()
        selected = Ragged(subwords.is_selected_S.long(), words.sentences)
        several_S = (selected.sum_pool() > 1)[selected.row]
        in_order = Ragged(sentences, words.sentences).select(subwords.is_selected_S & several_S)
        vectors = self.sentences(in_order.values) + sinusoidal_positions(in_order.position, width)
        sentence_vectors, sentence_mask = Ragged(vectors, in_order.length).pad()
        items = self.dropout(torch.cat([subword_vectors, sentence_vectors], dim=1))
        mask = torch.cat([subword_mask, sentence_mask], dim=1)
        for layer in self.layers:
            items = layer(items, mask)
        first_B = Ragged(batch.word, batch.words_per_document).start
        position = Ragged(subwords.word - first_B[subwords.id.row], subwords.id.length)
        return Memory(
            items_BMD=self.normalise(items),
            mask_BM=mask,
            subword_BL=subwords.id.pad()[0],
            word_BL=position.pad()[0],
            truncated_B=subwords.truncated,
        )
