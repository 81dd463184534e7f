"""Weights of hashed n-grams, with a row for those alone that training saw often enough.

Axes: F n-grams, R rows, K logits of all tasks.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NgramTable(nn.Module):
    """The weights and the inverse document frequencies of the n-grams below `size`: row r is that of the n-gram `ngrams[r]`.

    An n-gram without a row has a frequency of 0, by which its value in a document is 0. At first all have a row, with weights of 0
    and frequencies of 1; `keep` leaves those that training saw.
    """

    ngrams: Tensor
    idf: Tensor
    row: Tensor
    """(size,) the row of each n-gram; -1: none. It follows from `ngrams`, as does `last`, the last n-gram that has a row."""

    def __init__(self, size: int, num_outputs: int) -> None:
        super().__init__()
        self.size, self.last = size, size - 1
        self.weight = nn.Parameter(torch.empty(size, num_outputs), requires_grad=False)
        nn.init.zeros_(self.weight)
        self.register_buffer("ngrams", _places(size, torch.int64))
        self.register_buffer("idf", torch.ones(size))
        self.register_buffer("row", _places(size, torch.int32), persistent=False)
        self.register_load_state_dict_pre_hook(_match_size)
        self.register_load_state_dict_post_hook(_index)

    @torch.no_grad()
    def keep(self, ngrams: Tensor, idf: Tensor) -> None:
        """Leave the rows of these ascending n-grams (R,) alone, with weights of 0 and these frequencies (R,)."""
        self._resize(len(ngrams))
        self.weight.zero_()
        self.ngrams.copy_(ngrams)
        self.idf.copy_(idf)
        self.index()

    def match_size(self, state: Mapping[str, Tensor], prefix: str) -> None:
        """Take as many rows as these weights have, whose names begin with `prefix`."""
        ngrams = state.get(f"{prefix}ngrams")
        if ngrams is not None and ngrams.ndim == 1:
            self._resize(ngrams.numel())

    def index(self) -> None:
        """Find the rows of all n-grams.

        Raises:
            ValueError: `ngrams` do not rise, or one is not below `size`.
        """
        ngrams = self.ngrams
        if ngrams.numel() and not (
            int(ngrams[0]) >= 0 and int(ngrams[-1]) < self.size and bool((ngrams.diff() > 0).all())
        ):
            raise ValueError(f"n-grams of the wide part: expected rising numbers below {self.size}")
        self.last = int(ngrams[-1]) if ngrams.numel() else -1
        self.row = torch.full((self.size,), -1, dtype=torch.int32, device=ngrams.device)
        self.row[ngrams] = torch.arange(ngrams.numel(), dtype=torch.int32, device=ngrams.device)

    def idf_of(self, ngrams: Tensor) -> Tensor:
        """Return the inverse document frequency (F,) of n-grams (F,); 0 for those without a row."""
        if not self.idf.numel():
            return torch.zeros(ngrams.numel(), device=ngrams.device)
        row = self.row[ngrams]
        return self.idf[row.clamp(min=0)].masked_fill_(row < 0, 0)

    def weight_of(self, ngrams: Tensor) -> Tensor:
        """Return the weights (F,K) of n-grams (F,); 0 for those without a row."""
        if not self.idf.numel():
            return self.weight.new_zeros(ngrams.numel(), self.weight.shape[1])
        row = self.row[ngrams]
        return self.weight[row.clamp(min=0)].masked_fill_((row < 0)[:, None], 0)

    def sums(self, ngrams: Tensor, values: Tensor, *, start: Tensor) -> Tensor:
        """Return the sums (B,K) of weights times values (F,) over the n-grams (F,) of each document, which begin at `start` (B,)."""
        if not self.idf.numel():
            return self.weight.new_zeros(start.numel(), self.weight.shape[1])
        # An n-gram without a row has the value 0, so that any row will do.
        rows = self.row[ngrams].clamp(min=0).to(start.dtype)
        return F.embedding_bag(rows, self.weight, start, mode="sum", per_sample_weights=values)

    def _resize(self, rows: int) -> None:
        if rows == self.idf.numel():
            return
        weight = self.weight
        self.weight = nn.Parameter(weight.new_empty(rows, weight.shape[1]), requires_grad=False)
        self.ngrams, self.idf = self.ngrams.new_empty(rows), self.idf.new_empty(rows)


def _match_size(table: NgramTable, state: Mapping[str, Tensor], prefix: str, *_: object) -> None:  # noqa: PLR0917  (called by torch)
    table.match_size(state, prefix)


def _index(table: NgramTable, _: object) -> None:
    table.index()


def _places(count: int, dtype: torch.dtype) -> Tensor:
    """Return 0, 1, 2 and so on; on the meta device, where `torch.arange` first imports sympy for more than a second, no numbers."""
    places = torch.empty(count, dtype=dtype)
    return places if places.is_meta else torch.arange(count, out=places)
