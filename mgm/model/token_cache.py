"""What an encoder makes of distinct words, kept from one run of documents to the next.

Axes: T distinct words of a batch, U those of them that are new, C words that there is room for, D width of a word.
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
"""Bytes."""


class TokenCache:
    """Words by what the encoder reads of them, and what it has made of that, while the encoder stays as it is.

    Most words of a document have been met before, so that few are left to be read. Where there is no room for the new
    ones, all are forgotten: the frequent ones are soon back. Two words would be taken for one where 64-bit hashes of
    their features collide; for the 77,000 words that the default settings have room for, the odds are 1 in 10^10.
    """

    def __init__(self, encoder: Encoder, max_bytes: int = MAX_BYTES) -> None:
        """`max_bytes`: bytes that the table may take."""
        self.encoder = encoder
        self.max_bytes = max_bytes
        self.made: TokenTypeStates | None = None
        self.keys = self.rows = torch.empty(0, dtype=torch.int64)
        """The keys of the words that are known, ascending, and the row of each in `made`."""

    def clear(self) -> None:
        """As if nothing had been read; the memory stays."""
        self.keys = self.rows = self.keys[:0]

    @torch.no_grad()
    def types(self, batch: Batch) -> TokenTypeStates:
        """As Encoder.types, for predictions; the next call overwrites it."""
        key_T = _keys(batch)
        order_T = key_T.argsort(stable=True)
        distinct, count = key_T[order_T].unique_consecutive(return_counts=True)
        place = order_T[count.cumsum(0) - count]
        if self.made is None:
            self._make_room(batch)
        new = ~torch.isin(distinct, self.keys, assume_unique=True)
        if self.keys.numel() + int(new.sum()) > self.capacity:
            self.clear()
            new = torch.ones_like(new)
        if distinct.numel() > self.capacity:
            return self.encoder.types(batch)
        if new.any():
            self._add(distinct[new], _only(batch, place[new]))
        assert self.made is not None
        return replace(self.made, row=self.rows[torch.searchsorted(self.keys, key_T)])

    def _make_room(self, batch: Batch) -> None:
        one = self.encoder.types(_only(batch, torch.zeros(min(1, batch.type_id.numel()), dtype=torch.int64)))
        widths = [table.shape[1] for table in (*one.vectors.values(), one.whole_TD)]
        projecting_levels = list(zip(self.encoder.projecting_levels, one.projections, strict=True))
        widths += [reader.rows_per_word * projections.shape[1] for reader, projections in projecting_levels]
        self.capacity = self.max_bytes // (sum(widths) * one.whole_TD.element_size())

        def empty(like: Tensor, rows: int) -> Tensor:
            return like.new_empty(rows, like.shape[1])  # takes memory as it is filled

        whole = empty(one.whole_TD, self.capacity)
        vectors = {name: empty(v, self.capacity) for name, v in one.vectors.items()}
        tables = []
        for reader, projections in projecting_levels:
            tables.append(empty(projections, self.capacity * reader.rows_per_word + reader.padding_rows))
            if reader.padding_rows:
                tables[-1][-reader.padding_rows :] = projections[-reader.padding_rows :]
        self.made = TokenTypeStates(vectors, whole, whole, tables)
        self.keys = self.rows = self.keys.to(batch.type_id.device)

    def _add(self, key_U: Tensor, batch: Batch) -> None:
        """The words of `batch`, one a key, none of them known."""
        assert self.made is not None
        first, last = self.keys.numel(), self.keys.numel() + key_U.numel()
        vectors = self.encoder.word_vectors(batch, 0.0)
        for name, vectors_UD in vectors.items():
            self.made.vectors[name][first:last] = vectors_UD
        whole_UD = self.made.whole_TD[first:last]
        whole_UD.copy_(reduce(add, vectors.values()))
        for reader, projections in zip(self.encoder.projecting_levels, self.made.projections, strict=True):
            own = slice(first * reader.rows_per_word, last * reader.rows_per_word)
            reader.write_projections(whole_UD, projections[own])
        keys = torch.cat([self.keys, key_U])
        rows = torch.cat([self.rows, torch.arange(first, last, device=key_U.device)])
        order = keys.argsort()
        self.keys, self.rows = keys[order], rows[order]


def _keys(batch: Batch) -> Tensor:
    """(T,) a hash of all that the encoder reads of each word."""
    ngrams = Ragged(mix((batch.type_ngram + 1) * FIRST), batch.type_ngram_offset.diff()).sum_pool()
    own = torch.column_stack([batch.type_id, batch.type_property]) + 1
    column = torch.arange(1, own.shape[1] + 1, device=own.device)
    return mix(ngrams + mix(own * FIRST + column * SECOND).sum(1))


def _only(batch: Batch, place: Tensor) -> Batch:
    """With these of its T words alone; those of its documents are not told."""
    ngrams = Ragged(batch.type_ngram, batch.type_ngram_offset.diff()).take(place)
    return replace(
        batch,
        type_id=batch.type_id[place],
        type_ngram=ngrams.values,
        type_ngram_offset=torch.cat([ngrams.start, ngrams.start.new_full((1,), ngrams.values.numel())]),
        type_property=batch.type_property[place],
    )
