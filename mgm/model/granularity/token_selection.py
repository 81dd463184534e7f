"""The words of a batch that a granularity reads: all of them, or the content words alone.

Axes: B documents, S sentences, M words read, T distinct words.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.ragged import Ragged, sum_runs

SelectionName = Literal["all", "content"]


@dataclass(frozen=True)
class TokenSelection:
    """The words read, by sentence, as indices into the T distinct ones, and the number of sentences of each document (B,)."""

    sentences: Ragged
    sentences_per_document: Tensor

    @cached_property
    def documents(self) -> Ragged:
        """The words read, by document."""
        words = sum_runs(self.sentences.length, self.sentences_per_document)
        return Ragged(self.sentences.values, words)

    @cached_property
    def lead(self) -> Ragged:
        """The places in `documents` of the words read of each document's first sentence."""
        has_sentence = self.sentences_per_document > 0
        first = self.sentences_per_document.cumsum(0) - self.sentences_per_document
        length = torch.zeros_like(first)
        length[has_sentence] = self.sentences.length[first[has_sentence]]
        place = Ragged(torch.arange(int(length.sum()), device=length.device), length)
        return Ragged(self.documents.start[place.row] + place.position, length)

    def context_windows(self, size: int, beyond: int) -> Tensor:
        """Return (M,size), the words from (size-1)//2 before each word read to size//2 after it.

        Beyond a document's ends stands `beyond`. Documents are laid out with gaps between them, so that a word's neighbours
        are a slice.
        """
        words, before = self.documents, (size - 1) // 2
        if size == 1:
            return words.values[:, None]
        items, rows = words.values.numel(), words.length.numel()
        begin = torch.arange(items, device=words.values.device).add_(words.row, alpha=size - 1)
        line = words.values.new_full((items + (rows + 1) * (size - 1),), beyond)
        line[begin + before] = words.values
        return line.unfold(0, size, 1)[begin]

    @classmethod
    def of(cls, batch: Batch, name: SelectionName, *, word_N: Tensor | None = None) -> "TokenSelection":
        """Return the selection of a batch's words.

        Args:
            batch: documents.
            name: the selection: all words, or content words.
            word_N: the batch's words as indices into others than its T distinct ones.
        """
        everything = Ragged(batch.word if word_N is None else word_N, batch.sentence_length)
        read = everything if name == "all" else everything.select(batch.content)
        return cls(read, batch.sentences_per_document)
