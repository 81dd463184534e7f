"""Finds the terms of a list among the words of documents, and says of each word which part of a term it is.

A term is known by a hash of its characters where they are Chinese and of its words elsewhere, so that it is found whatever words
a segmenter makes of it. Case does not count. Of matches that overlap the leftmost counts, of those that begin at one word the longest.

Axes: N words, T distinct words, I symbols (a Chinese character or another word), P beginnings of terms, M matches.
Source: Ratinov and Roth 2009, Design Challenges and Misconceptions in Named Entity Recognition (lists as features of a tagger).
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from mgm.model.batch import Batch, flatten_lists
from mgm.model.hashing import FIRST, SECOND, THIRD, mix
from mgm.model.ragged import Ragged
from mgm.settings.text import FeatureSettings
from mgm.text.features import chinese_characters, hash_ngrams

BEGIN, INSIDE, END, SINGLE = range(1, 5)
NUM_PLACES = 4
"""The places of a word in a term: its first word, one within, its last, or its only one."""


class Lexicon(nn.Module):
    """The terms of one list, with a number from 1 for the class of each."""

    keys: Tensor
    """(P,) ascending hashes of all terms and of all their beginnings."""
    classes: Tensor
    """(P,) the class; 0: nothing but the beginning of longer terms."""

    def __init__(self, size: int = 0) -> None:
        """Make a list of `size` beginnings, to be loaded."""
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("classes", torch.zeros(size, dtype=torch.int64))

    def forward(self, words: "WordHashes", sentences: Ragged) -> Tensor:
        """Return 0 (N,) for words outside all terms, for others a number for the class of the term and the word's place in it."""
        first_M, last_M, class_M = self.matches(words, sentences)
        length = last_M - first_M + 1
        inner = Ragged(torch.repeat_interleave(first_M, length), length)
        place = torch.full_like(inner.values, INSIDE)
        place[inner.position == 0] = BEGIN
        place[inner.position == length[inner.row] - 1] = END
        place[length[inner.row] == 1] = SINGLE
        found_N = torch.zeros_like(words.hash)
        found_N[inner.values + inner.position] = (class_M[inner.row] - 1) * NUM_PLACES + place
        return found_N

    def matches(self, words: "WordHashes", sentences: Ragged) -> tuple[Tensor, Tensor, Tensor]:
        """Return the first word, the last word and the class of each match, ascending; none overlap."""
        start = torch.arange(words.hash.numel(), device=words.hash.device)
        last_word = start - sentences.position + sentences.length[sentences.row] - 1
        end_N, class_N = torch.full_like(start, -1), torch.zeros_like(start)
        end, run, factor = start, words.hash, words.factor
        while start.numel() and self.keys.numel():
            row = torch.searchsorted(self.keys, run).clamp(max=self.keys.numel() - 1)
            known = self.keys[row] == run
            start, end, run, factor, row = (t[known] for t in (start, end, run, factor, row))
            is_term = self.classes[row] > 0
            end_N[start[is_term]], class_N[start[is_term]] = end[is_term], self.classes[row[is_term]]
            goes_on = end < last_word[start]
            start, end, run, factor = (t[goes_on] for t in (start, end + 1, run, factor))
            run, factor = run + factor * words.hash[end], factor * words.factor[end]
        first = (end_N >= 0).nonzero()[:, 0]
        kept, covered = [], -1
        for place, (begin, stop) in enumerate(zip(first.tolist(), end_N[first].tolist(), strict=True)):
            if begin > covered:
                kept.append(place)
                covered = stop
        first = first[torch.tensor(kept, dtype=torch.int64, device=first.device)]
        return first, end_N[first], class_N[first]

    def check(self) -> None:
        """Check that the keys rise and that no class is negative.

        Raises:
            ValueError: they do not, or one is.
        """
        if not bool((self.keys.diff() > 0).all()) or bool((self.classes < 0).any()):
            raise ValueError("wide_tagging.lexicons: expected rising keys, and classes from 0")

    @classmethod
    def of_terms(cls, terms: pl.Series, classes: Tensor, *, settings: FeatureSettings) -> "Lexicon":
        """Return the list of terms.

        Args:
            terms: the words of each, list[str].
            classes: their classes, from 1; of terms that are equal but for case, the lowest.
            settings: the n-grams that words in documents have.
        """
        word, num_words = flatten_lists(terms)
        distinct, index = np.unique(word.astype(str), return_inverse=True)
        types = pl.Series("text", distinct.tolist(), dtype=pl.String)
        ngrams, characters = (
            Ragged(*(torch.from_numpy(np.array(part, np.int64)) for part in flatten_lists(column)))
            for column in (hash_ngrams(types, settings), chinese_characters(types))
        )
        symbols = word_symbols(ngrams, characters).take(torch.from_numpy(index.astype(np.int64)))
        num_symbols = Ragged(symbols.length, torch.from_numpy(num_words.astype(np.int64))).sum_pool()
        of_terms = Ragged(symbols.values, num_symbols)
        value = of_terms.values * _powers(of_terms.position)
        total = value.cumsum(0)
        before = (total - value)[of_terms.start]
        keys, beginning = (total - before[of_terms.row]).unique(return_inverse=True)
        made = cls(keys.numel())
        made.keys.copy_(keys)
        ends = beginning[of_terms.start + of_terms.length - 1]
        order = classes.argsort(descending=True, stable=True)
        for place in order.tolist():  # the lowest is written last
            made.classes[ends[place]] = classes[place]
        return made


class WordHashes:
    """Hashes of the words of a batch that make up those of runs: that of `ab` is hash(a) + factor(a) * hash(b).

    Attributes:
        hash: (N,) the hash of each word.
        factor: (N,) its factor.
    """

    def __init__(self, batch: Batch) -> None:
        """Hash the words of a batch."""
        symbols = word_symbols(
            Ragged(batch.type_ngram, batch.type_ngram_offset.diff()),
            Ragged(batch.type_character, batch.type_character_offset.diff()),
        )
        hash_T = Ragged(symbols.values * _powers(symbols.position), symbols.length).sum_pool()
        self.hash, self.factor = hash_T[batch.word], _powers(symbols.length)[batch.word]


def word_symbols(ngrams: Ragged, characters: Ragged) -> Ragged:
    """Return the symbols (I,) of T words by their n-grams and their Chinese characters: one for each of these, or one in all."""
    whole_T = mix(Ragged(mix((ngrams.values + 1) * FIRST), ngrams.length).sum_pool() * THIRD)
    length = characters.length.clamp(min=1)
    symbols = Ragged(torch.repeat_interleave(whole_T, length), length)
    is_chinese = (characters.length > 0)[symbols.row]
    symbols.values[is_chinese] = mix((characters.values + 1) * SECOND)
    return symbols


def _powers(exponents: Tensor) -> Tensor:
    """Return the powers of a number, modulo 2**64."""
    highest = int(exponents.max()) if exponents.numel() else 0
    base = exponents.new_full((highest + 1,), FIRST)
    base[0] = 1
    return base.cumprod(0)[exponents]


def lexicon_sizes(state: Mapping[str, Tensor], prefix: str) -> list[int]:
    """Return the sizes of the lists whose weights have names that begin with `prefix`, in order."""
    sizes: list[int] = []
    while (keys := state.get(f"{prefix}{len(sizes)}.keys")) is not None and keys.ndim == 1:
        sizes.append(keys.numel())
    return sizes
