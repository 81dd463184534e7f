"""The optimizer of tables of embeddings: only the rows that a batch reads move, and only they take time.

Axes: N rows of a table, R rows of a batch, D width.
"""

import ctypes
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_double, c_float, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from mgm.model.embedding_table import EmbeddingTable, RowGradients, gradients_by_row
from mgm.model.kernels import pointer
from mgm.native import load_kernels
from mgm.text.list_columns import Array
from mgm.training.averaging import decay_of_step

BETA = 0.999
EPSILON = 1e-8
"""AdamW's."""


class _RowUpdate(ctypes.Structure):
    """`RowUpdate` of rows.c."""

    _fields_ = [
        ("width", c_int64),
        ("step", c_int64),
        *((name, c_void_p) for name in ("row", "weight", "gradient", "square", "average", "last", "is_read")),
        ("log_product", c_void_p),
        ("warm_up", c_int64),
        *((name, c_double) for name in ("log_decay", "log_beta")),
        *((name, c_float) for name in ("clip", "rate", "shrink", "correction", "epsilon", "decay")),
    ]


class RowOptimizer:
    """AdamW without its first moment for the rows that a batch reads; all others stand still.

    With the first moment a row would go on moving for tens of steps after a batch has read it. Without it the row takes all of that way at
    once. The mean of the squares, and the moving average of the weights, catch up when a row is read again; weight decay does not.

    Args:
        tables: the tables.
        weight_decay: as AdamW's.
        average_decay: that of the moving average, as `MovingAverage` has it.
    """

    def __init__(
        self, tables: Sequence[EmbeddingTable], *, weight_decay: float, average_decay: float
    ) -> None:
        self.tables = list(tables)
        self.weight_decay, self.average_decay = weight_decay, average_decay
        self._products = DecayProducts(average_decay)
        self._states = [_RowState.of(table.weight.detach()) for table in self.tables]
        self._gradients: list[RowGradients] = []
        self._step = 0

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The tables' weights."""
        return [table.weight for table in self.tables]

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep gradients by row within the context; without it they are those that autograd makes, with the same updates."""
        with gradients_by_row(self.tables) as self._gradients:
            yield
        self._gradients = []

    @torch.no_grad()
    def square(self) -> float:
        """Return the sum of the squares of the gradients."""
        total = 0.0
        for _, gradient in self._with_gradients():
            kernels = _kernels(gradient.values)
            if kernels is None:
                total += float(gradient.values[gradient.rows].square().sum(dtype=torch.float64))
                continue
            kernels.mgm_square_rows.restype = c_double
            total += kernels.mgm_square_rows(
                pointer(gradient.values),
                c_int64(gradient.values.shape[1]),
                pointer(gradient.rows),
                c_int64(len(gradient.rows)),
            )
        return total

    @torch.no_grad()
    def step(self, rate: float, *, clip: float) -> None:
        """Update the rows by their gradients times `clip`, at a learning rate; the gradients are gone then."""
        self._step += 1
        for number, gradient in self._with_gradients():
            kernels = _kernels(gradient.values)
            if kernels is None:
                self._update(number, gradient, rate=rate, clip=clip)
                continue
            update = self._arguments(number, gradient, rate=rate, clip=clip)
            kernels.mgm_update_rows(ctypes.byref(update), c_int64(len(gradient.rows)))
            gradient.forget_rows()

    @contextmanager
    def averages_applied(self) -> Iterator[None]:
        """Put the averages of the rows into the network within the context."""
        kept = [table.weight.detach().clone() for table in self.tables]
        with torch.no_grad():
            for table, state in zip(self.tables, self._states, strict=True):
                table.weight.copy_(state.average_at(self._step, table.weight, products=self._products))
        try:
            yield
        finally:
            with torch.no_grad():
                for table, weight in zip(self.tables, kept, strict=True):
                    table.weight.copy_(weight)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all rows, and the number of steps."""
        return {"step": self._step, "tables": [dict(vars(state)) for state in self._states]}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore them."""
        self._step = state["step"]
        for own, saved in zip(self._states, state["tables"], strict=True):
            for name, tensor in vars(own).items():
                tensor.copy_(saved[name])

    def _with_gradients(self) -> Iterator[tuple[int, RowGradients]]:
        """Yield the tables that have a gradient, by number."""
        if self._gradients:
            yield from enumerate(self._gradients)
            return
        for number, table in enumerate(self.tables):
            if table.weight.grad is not None:
                yield number, RowGradients.of_dense(table.weight.grad)

    def _update(self, number: int, gradient: RowGradients, *, rate: float, clip: float) -> None:
        """Update rows as the kernel does."""
        weight, state = self.tables[number].weight, self._states[number]
        rows = gradient.rows[gradient.values[gradient.rows].any(1)]
        slope_RD, before_RD = gradient.values[rows] * clip, weight[rows]
        gap_R1 = (self._step - state.last[rows])[:, None]
        mean_RD = state.square[rows] * BETA**gap_R1 + (1 - BETA) * slope_RD**2
        correction = (1 - BETA**self._step) ** -0.5
        way_RD = rate * slope_RD / (mean_RD.sqrt() * correction + EPSILON)
        now_RD = before_RD * (1 - rate * self.weight_decay) - way_RD
        average_RD = state.average_at(self._step - 1, weight, products=self._products, rows=rows)
        decay = decay_of_step(self.average_decay, self._step)
        state.square[rows], state.last[rows] = mean_RD, self._step
        state.average[rows] = now_RD + decay * (average_RD - now_RD)
        weight[rows] = now_RD
        gradient.clear()

    def _arguments(self, number: int, gradient: RowGradients, *, rate: float, clip: float) -> _RowUpdate:
        weight, state = self.tables[number].weight, self._states[number]
        return _RowUpdate(
            width=weight.shape[1],
            step=self._step,
            row=pointer(gradient.rows),
            weight=pointer(weight),
            gradient=pointer(gradient.values),
            square=pointer(state.square),
            average=pointer(state.average),
            last=pointer(state.last),
            is_read=pointer(gradient.is_read),
            log_product=self._products.logs.ctypes.data,
            warm_up=len(self._products.logs) - 1,
            log_decay=self._products.log_decay,
            log_beta=math.log(BETA),
            clip=clip,
            rate=rate,
            shrink=1 - rate * self.weight_decay,
            correction=(1 - BETA**self._step) ** -0.5,
            epsilon=EPSILON,
            decay=decay_of_step(self.average_decay, self._step),
        )


@dataclass(frozen=True)
class _RowState:
    """What the optimizer knows of each row.

    Attributes:
        square: (N,D) the mean of the squares of its gradients at its last update.
        average: (N,D) the moving average then.
        last: (N,) the step of its last update.
    """

    square: Tensor
    average: Tensor
    last: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> Self:
        """Return the state before the first step."""
        last = torch.zeros(weight.shape[0], dtype=torch.int64, device=weight.device)
        return cls(square=torch.zeros_like(weight), average=weight.clone(), last=last)

    def average_at(
        self, step: int, weight: Tensor, *, products: "DecayProducts", rows: Tensor | None = None
    ) -> Tensor:
        """Return the moving averages (R,D) of rows, or of all, after a step since whose last update they have stood still."""
        at = slice(None) if rows is None else rows
        share = np.exp(products.log_between(self.last[at].cpu().numpy(), step))
        share_R1 = torch.from_numpy(share).to(weight)[:, None]
        return weight[at] + share_R1 * (self.average[at] - weight[at])


class DecayProducts:
    """Products of the moving average's decays, as logarithms: of the steps of the warm-up one by one, then each has the same."""

    def __init__(self, decay: float) -> None:
        self.log_decay = math.log(max(decay, 1e-300))
        decays, step = [1.0], 1
        while (of_step := decay_of_step(decay, step)) < decay:
            decays.append(of_step)
            step += 1
        self.logs: Array = np.log(decays).cumsum()

    def log_between(self, after: Array, last: int) -> Array:
        """Return the logarithms of the products of the decays of the steps from `after` + 1 to `last`."""
        return self._log_until(np.asarray(last)) - self._log_until(after)

    def _log_until(self, step: Array) -> Array:
        warm = np.minimum(step, len(self.logs) - 1)
        logs: Array = self.logs[warm] + (step - warm) * self.log_decay
        return logs


def _kernels(gradient: Tensor) -> ctypes.CDLL | None:
    return load_kernels() if gradient.device.type == "cpu" else None
