"""Tables of embeddings of which a batch reads few rows, whose gradients can be kept by row.

Axes: T distinct words, N rows of a table, D width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_int64, c_void_p
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mgm.model.kernels import pointer
from mgm.native import load_kernels


class EmbeddingTable(nn.Embedding):
    """A table of embeddings, read by row, or by the mean of some rows.

    Attributes:
        row_gradients: where its gradient goes; None: into that of `weight`, as large as the table.
    """

    weight: nn.Parameter
    row_gradients: "RowGradients | None" = None

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows (T,D) of `ids` (T,)."""
        return self._read(ids, None)

    def mean(self, ids: Tensor, bounds: Tensor) -> Tensor:
        """Return the means (T,D) of the rows of ids[bounds[t] : bounds[t + 1]]; of none of them it is 0."""
        return self._read(ids, bounds)

    def _read(self, ids: Tensor, bounds: Tensor | None) -> Tensor:
        if self.row_gradients is None:
            return _rows(self.weight, ids, bounds=bounds)
        read: Tensor = _ReadRows.apply(self.row_gradients.anchor, self, ids, bounds)
        return read


class RowGradients:
    """The gradient of a table in memory that stays, with the numbers of the rows that are not 0.

    Autograd makes a new gradient of the whole table in each step, and whoever reads it goes through all its rows: of a large
    vocabulary this takes longer than the rest of the step.

    Attributes:
        values: (N,D), 0 outside of `rows`.
        anchor: what makes autograd compute the gradient.
    """

    def __init__(self, values: Tensor, rows: Tensor) -> None:
        """Begin with a gradient (N,D) and the rows (R,) that are not 0."""
        self.values = values
        self.anchor = torch.empty(0, requires_grad=True)
        self.is_read = torch.zeros(len(values), dtype=torch.uint8, device=values.device)
        self._row, self._count = rows, len(rows)

    @classmethod
    def empty(cls, table: EmbeddingTable) -> Self:
        """Return room for the gradient of a table."""
        gradients = cls(
            torch.zeros_like(table.weight, requires_grad=False), torch.arange(table.num_embeddings)
        )
        gradients.forget_rows()
        return gradients

    @classmethod
    def of_dense(cls, gradient: Tensor) -> Self:
        """Return a gradient that autograd has made."""
        return cls(gradient, gradient.any(1).nonzero()[:, 0])

    @property
    def rows(self) -> Tensor:
        """The rows (R,) that were read since the gradient was 0."""
        return self._row[: self._count]

    @torch.no_grad()
    def add(self, gradient: Tensor, ids: Tensor, *, bounds: Tensor | None) -> None:
        """Add the gradient (T,D) of what was read."""
        kernels = load_kernels()
        if kernels is not None:
            gradient = gradient.contiguous()
            kernels.mgm_add_row_gradients.restype = c_int64
            self._count = kernels.mgm_add_row_gradients(
                pointer(gradient),
                c_int64(gradient.shape[0]),
                c_int64(gradient.shape[1]),
                pointer(ids),
                c_void_p() if bounds is None else pointer(bounds),
                pointer(self.values),
                pointer(self.is_read),
                pointer(self._row),
                c_int64(self._count),
            )
            return
        if bounds is not None:
            counts = bounds.diff()
            gradient = (gradient / counts.clamp(min=1)[:, None]).repeat_interleave(counts, 0)
        self.values.index_add_(0, ids, gradient)
        self.is_read[ids] = 1
        rows = self.is_read.nonzero()[:, 0]
        self._row[: len(rows)], self._count = rows, len(rows)

    def clear(self) -> None:
        """Set it to 0."""
        self.values[self.rows] = 0
        self.is_read[self.rows] = 0
        self.forget_rows()

    def forget_rows(self) -> None:
        """Begin anew, where the rows are 0 already."""
        self._count = 0


@contextmanager
def gradients_by_row(tables: Sequence[EmbeddingTable]) -> Iterator[list[RowGradients]]:
    """Keep the gradients of tables by row within the context."""
    gradients = [RowGradients.empty(table) for table in tables]
    for table, of_table in zip(tables, gradients, strict=True):
        table.row_gradients = of_table
    try:
        yield gradients
    finally:
        for table in tables:
            table.row_gradients = None


class _ReadRows(torch.autograd.Function):
    """Rows of a table, whose gradient goes into its `RowGradients`."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, table: EmbeddingTable, ids: Tensor, bounds: Tensor | None) -> Tensor:  # noqa: PLR0917  (called by torch)
        ctx.gradients, ctx.ids, ctx.bounds = table.row_gradients, ids, bounds
        return _rows(table.weight.detach(), ids, bounds=bounds)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None, None]:
        ctx.gradients.add(gradient, ctx.ids, bounds=ctx.bounds)
        return None, None, None, None


def _rows(weight: Tensor, ids: Tensor, *, bounds: Tensor | None) -> Tensor:
    if bounds is None:
        return F.embedding(ids, weight)
    return F.embedding_bag(ids, weight, bounds, mode="mean", include_last_offset=True)
