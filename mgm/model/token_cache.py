"""A cache of the encoder's states of distinct words, kept from one run of documents to the next.

Axes: T distinct words of a batch, U new ones among them, C the capacity in words, D width of a word.
"""

from dataclasses import replace
from functools import reduce
from operator import add

import torch
from torch import Tensor

from mgm.model.batch import Batch
from mgm.model.encoder import Encoder
from mgm.model.granularity import TokenTypeStates
from mgm.model.hashing import FIRST, SECOND, mix
from mgm.model.ragged import Ragged

MAX_BYTES = 512 << 20
"""The memory that a cache takes at most, by default."""


class TokenCache:
    """The encoder's states of the words that it has encoded before, valid while the encoder's weights stay the same.

    Most words of a document have been encoded before, so that few are left. Where the new ones exceed the capacity, the cache is
    cleared: the frequent words are soon back. Words are identified by 64-bit hashes of their features, which collide with odds of
    1 in 10^10 for the 77,000 words that fit under the default settings.
    """

    def __init__(self, encoder: Encoder, max_bytes: int = MAX_BYTES) -> None:
        """Make an empty cache that takes at most `max_bytes` of memory."""
        self.encoder = encoder
        self.max_bytes = max_bytes
        self.states: TokenTypeStates | None = None
        self.keys = self.rows = torch.empty(0, dtype=torch.int64)
        """The keys of the cached words, ascending, and the row of each in `states`."""

    def clear(self) -> None:
        """Remove all words; the memory stays allocated."""
        self.keys = self.rows = self.keys[:0]

    @torch.no_grad()
    def types(self, batch: Batch) -> TokenTypeStates:
        """Return the same as `Encoder.types` in evaluation mode; the next call overwrites the result."""
        key_T = _keys(batch)
        order_T = key_T.argsort(stable=True)
        distinct, count = key_T[order_T].unique_consecutive(return_counts=True)
        place = order_T[count.cumsum(0) - count]
        if self.states is None:
            self._allocate(batch)
        new = ~torch.isin(distinct, self.keys, assume_unique=True)
        if self.keys.numel() + int(new.sum()) > self.capacity:
            self.clear()
            new = torch.ones_like(new)
        if distinct.numel() > self.capacity:
            return self.encoder.types(batch)
        if new.any():
            self._add(distinct[new], _only(batch, place[new]))
        assert self.states is not None
        return replace(self.states, row=self.rows[torch.searchsorted(self.keys, key_T)])

    def _allocate(self, batch: Batch) -> None:
        one = self.encoder.types(_only(batch, torch.zeros(min(1, batch.type_id.numel()), dtype=torch.int64)))
        widths = [table.shape[1] for table in (*one.vectors.values(), one.whole_TD)]
        pairs = list(zip(self.encoder.projecting_levels, one.projections, strict=True))
        widths += [level.rows_per_word * projections.shape[1] for level, projections in pairs]
        self.capacity = self.max_bytes // (sum(widths) * one.whole_TD.element_size())

        def empty(like: Tensor, rows: int) -> Tensor:
            return like.new_empty(
                rows, like.shape[1]
            )  # the system provides its pages only as they are filled

        whole = empty(one.whole_TD, self.capacity)
        vectors = {name: empty(v, self.capacity) for name, v in one.vectors.items()}
        tables = []
        for level, projections in pairs:
            tables.append(empty(projections, self.capacity * level.rows_per_word + level.padding_rows))
            if level.padding_rows:
                tables[-1][-level.padding_rows :] = projections[-level.padding_rows :]
        self.states = TokenTypeStates(vectors, whole, whole, tables)
        self.keys = self.rows = self.keys.to(batch.type_id.device)

    def _add(self, key_U: Tensor, batch: Batch) -> None:
        """Encode and cache the words of `batch`, one for each key, none of which is cached yet."""
        assert self.states is not None
        first, last = self.keys.numel(), self.keys.numel() + key_U.numel()
        vectors = self.encoder.word_vectors(batch, 0.0)
        for name, vectors_UD in vectors.items():
            self.states.vectors[name][first:last] = vectors_UD
        whole_UD = self.states.whole_TD[first:last]
        whole_UD.copy_(reduce(add, vectors.values()))
        for level, projections in zip(self.encoder.projecting_levels, self.states.projections, strict=True):
            written = slice(first * level.rows_per_word, last * level.rows_per_word)
            level.write_projections(whole_UD, projections[written])
        keys = torch.cat([self.keys, key_U])
        rows = torch.cat([self.rows, torch.arange(first, last, device=key_U.device)])
        order = keys.argsort()
        self.keys, self.rows = keys[order], rows[order]


def _keys(batch: Batch) -> Tensor:
    """Return a hash (T,) of all features of each word that the encoder reads."""
    ngrams = Ragged(mix((batch.type_ngram + 1) * FIRST), batch.type_ngram_offset.diff()).sum_pool()
    features = torch.column_stack([batch.type_id, batch.type_property]) + 1
    column = torch.arange(1, features.shape[1] + 1, device=features.device)
    return mix(ngrams + mix(features * FIRST + column * SECOND).sum(1))


def _only(batch: Batch, place: Tensor) -> Batch:
    """Return a batch with the chosen ones of the T distinct words; its documents are meaningless."""
    ngrams = Ragged(batch.type_ngram, batch.type_ngram_offset.diff()).take(place)
    return replace(
        batch,
        type_id=batch.type_id[place],
        type_ngram=ngrams.values,
        type_ngram_offset=torch.cat([ngrams.start, ngrams.start.new_full((1,), ngrams.values.numel())]),
        type_property=batch.type_property[place],
    )
