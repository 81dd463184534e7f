"""Sequences of unequal length, kept flat beside their lengths, so that padding can never change a result.

Axes: R rows, N items of all rows one after another, L the longest row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_ROWS_OF_A_BLOCK = 3
"""Rows of one length after another, on average, below which blocks gain nothing."""
_MODE_MAX = 2
"""The number of the mode "max" of torch.embedding_bag."""
_LENGTH_CLASSES = 40
"""The powers of two up to which `by_length` has classes: more than any length needs."""


@dataclass(frozen=True)
class Ragged:
    """R rows of items: `values` (N, ...) and the `length` (R,) int64 of each row, which may be 0."""

    values: Tensor
    length: Tensor

    @cached_property
    def start(self) -> Tensor:
        """(R,) the position of each row's first item."""
        return self.length.cumsum(0) - self.length

    @cached_property
    def row(self) -> Tensor:
        """(N,) the row of each item."""
        rows = torch.arange(self.length.numel(), device=self.length.device)
        return torch.repeat_interleave(rows, self.length, output_size=self.values.shape[0])

    @cached_property
    def position(self) -> Tensor:
        """(N,) the place of each item in its row."""
        return torch.arange(self.values.shape[0], device=self.length.device) - self.start[self.row]

    def select(self, keep: Tensor) -> "Ragged":
        """Return the items where `keep` (N,) is true; every row stays, if only with length 0."""
        return Ragged(
            self.values[keep], torch.zeros_like(self.length).index_add_(0, self.row[keep], keep[keep].long())
        )

    def take(self, index: Tensor) -> "Ragged":
        """Return the rows that `index` (I,) names, one after another."""
        length = self.length[index]
        items = int(length.sum())
        shift = self.start[index] - (length.cumsum(0) - length)
        place = torch.repeat_interleave(shift, length, output_size=items)
        return Ragged(self.values[place.add_(torch.arange(items, device=place.device))], length)

    def rows(self, keep: Tensor) -> "Ragged":
        """Return the rows where `keep` (R,) is true."""
        return Ragged(self.values[keep[self.row]], self.length[keep])

    def pad(self) -> tuple[Tensor, Tensor]:
        """Return (R, L, ...) with zeros after the shorter rows, and the mask (R, L) of real items."""
        longest = int(self.length.max()) if self.length.numel() else 0
        mask = torch.arange(longest, device=self.length.device) < self.length[:, None]
        padded = self.values.new_zeros(*mask.shape, *self.values.shape[1:])
        return padded.index_put((self.row, self.position), self.values), mask

    def sum_pool(self) -> Tensor:
        """Return the sum (R, ...) of each row; zeros for an empty one."""
        return self.values.new_zeros(self.length.numel(), *self.values.shape[1:]).index_add(
            0, self.row, self.values
        )

    def mean_pool(self) -> Tensor:
        """Return the mean (R, D) of each row of vectors; zeros for an empty one."""
        return gather_mean(self.values, Ragged(_arange(self.values), self.length))

    def max_pool(self) -> Tensor:
        """Return the maximum (R, D) of each row of vectors; zeros for an empty one."""
        if not torch.is_grad_enabled():
            length, rows = torch.unique_consecutive(self.length, return_counts=True)
            # Predictions are made of rows by length, and the maximum of a block is many times as fast as that of ragged rows.
            if 0 < length.numel() * _ROWS_OF_A_BLOCK <= self.length.numel():
                return self._max_of_blocks(rows.tolist(), length.tolist())
        return _MaxOfRows.apply(self.values, _arange(self.values), self.start)

    def _max_of_blocks(self, rows: list[int], length: list[int]) -> Tensor:
        """Return the maxima of runs of rows: `rows` rows, one after another, of one `length`."""
        blocks = self.values.split([r * n for r, n in zip(rows, length, strict=True)])
        width = self.values.shape[1]
        return torch.cat(
            [
                block.view(r, n, width).amax(1) if n else block.new_zeros(r, width)
                for block, r, n in zip(blocks, rows, length, strict=True)
            ]
        )

    def softmax(self) -> Tensor:
        """Return the softmax (N,) of scalar items within each row."""
        highest = Ragged(self.values.detach()[:, None], self.length).max_pool()[:, 0]
        weight = (self.values - highest[self.row]).exp()
        return weight / Ragged(weight, self.length).sum_pool()[self.row]

    def by_length(self) -> Iterator[tuple[Tensor, "Ragged"]]:
        """Yield the rows in classes of length (up to 1, 2, 4, 8, ...), each with the positions (n,) of its items.

        Padding a class at most doubles it, which bounds memory where one row is much longer than the others.
        """
        bounds = 2 ** torch.arange(_LENGTH_CLASSES, device=self.length.device)
        classes = torch.bucketize(self.length, bounds)
        positions = Ragged(_arange(self.values), self.length)
        for one in classes[self.length > 0].unique().tolist():
            chosen = (classes == one) & (self.length > 0)
            at = positions.rows(chosen).values
            yield at, Ragged(self.values[at], self.length[chosen])

    @cached_property
    def time_major(self) -> "TimeMajor":
        """The layout in which a recurrence walks over all rows at once."""
        order = torch.argsort(self.length, descending=True, stable=True)
        rank = torch.empty_like(order).index_put_((order,), _arange(order))
        longest = int(self.length.max()) if self.length.numel() else 0
        steps = torch.bincount(self.position, minlength=longest)
        slot = (steps.cumsum(0) - steps)[self.position] + rank[self.row]
        item = torch.empty_like(slot).index_put_((slot,), _arange(slot))
        last = self.start[self.row] + self.length[self.row] - 1
        return TimeMajor(item, slot, (last - self.position)[item], slot[last - self.position], steps.tolist())


class _MaxOfRows(torch.autograd.Function):
    """The maximum of an embedding bag, with one scatter as its gradient: torch calls a function for each column, which takes seven times as long."""

    @staticmethod
    def forward(ctx: Any, table_TD: Tensor, index: Tensor, start: Tensor) -> Tensor:  # noqa: PLR0917  (called by torch)
        highest_RD, _, count, place_RD = torch.embedding_bag(table_TD, index, start, mode=_MODE_MAX)
        ctx.save_for_backward(count, place_RD)
        ctx.rows = table_TD.shape[0]
        return highest_RD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_RD: Tensor) -> tuple[Tensor, None, None]:
        count, place_RD = ctx.saved_tensors
        is_filled = count > 0
        zeros_TD = grad_RD.new_zeros(ctx.rows, grad_RD.shape[1])
        return zeros_TD.scatter_add_(0, place_RD[is_filled], grad_RD[is_filled]), None, None


@dataclass(frozen=True)
class Words(Ragged):
    """The vectors of a batch's words, by sentence; `sentences` (B,) counts those of each document."""

    sentences: Tensor


@dataclass(frozen=True)
class TimeMajor:
    """Rows by falling length, step after step: step t holds item t of each row longer than t.

    So the rows of step t are the first rows of step t - 1.

    Attributes:
        item: (N,) the flat position of each slot.
        slot: (N,) the slot of each flat position.
        item_reversed: as `item`, with every row read from its end.
        slot_reversed: as `slot`, with every row read from its end.
        steps: the number of rows of each step.
    """

    item: Tensor
    slot: Tensor
    item_reversed: Tensor
    slot_reversed: Tensor
    steps: list[int]

    def previous(self) -> Tensor:
        """Return (N - rows of the first step,), for each slot from step 1 on the one before it in its row."""
        first = self.steps[0] if self.steps else 0
        size = torch.tensor(self.steps, device=self.slot.device)
        back = torch.repeat_interleave(size[:-1], size[1:], output_size=self.slot.numel() - first)
        return torch.arange(first, self.slot.numel(), device=self.slot.device) - back


def gather_max(table: Tensor, index: Ragged) -> Tensor:
    """Return the maximum (R, D) over the rows of `table` (T, D) that a row's items name; zeros for an empty row."""
    if torch.is_grad_enabled():
        return _MaxOfRows.apply(table, index.values, index.start)
    order = index.length.argsort(stable=True)
    rows = index.take(order)
    pooled = Ragged(F.embedding(rows.values, table), rows.length).max_pool()
    return torch.empty_like(pooled).index_copy_(0, order, pooled)


def sum_runs(values: Tensor, length: Tensor) -> Tensor:
    """Return the sums (R,) of consecutive runs of whole numbers."""
    total = F.pad(values.cumsum(0), (1, 0))
    last = length.cumsum(0)
    return total[last] - total[last - length]


def gather_mean(table: Tensor, index: Ragged) -> Tensor:
    """Return the mean (R, D) over the rows of `table` (T, D) that a row's items name; zeros for an empty row."""
    return F.embedding_bag(index.values, table, index.start, mode="mean")


def _arange(values: Tensor) -> Tensor:
    return torch.arange(values.shape[0], device=values.device)
