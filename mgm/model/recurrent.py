"""Bidirectional recurrences (GRU, LSTM) over ragged rows, given the products of the inputs and their weights.

The backward passes are written out because autograd's bookkeeping of each step costs several times the arithmetic on a CPU:
benchmarks/recurrence.py compares a whole training step with torch.nn.GRU. Under autocast they run in float32: a state of eight
significant bits loses information, and the products are too small to be faster.

Axes: 2 directions, N items in time-major order, R rows, H state width.
"""

import ctypes
from ctypes import c_int64, c_void_p
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mgm.model.kernel_threads import run_in_shares
from mgm.model.kernels import pointer
from mgm.native import load_kernels


def gru(inputs_2N3H: Tensor, recurrent_2H3H: Tensor, *, steps: list[int]) -> Tensor:
    """Return the states (2,N,H) of h_t = GRU(w_t, h_{t-1}), both directions at once, in the layout of `TimeMajor`.

    The gates are those of torch.nn.GRU without its second bias. Source: Cho et al. 2014, arXiv:1406.1078.

    Args:
        inputs_2N3H: the inputs' share of the reset, update and candidate gates, biases included.
        recurrent_2H3H: the weights of the states.
        steps: the number of rows of each step.
    """
    return _in_full_precision(_GRU, inputs_2N3H, recurrent=recurrent_2H3H, steps=steps)


def lstm(inputs_2N4H: Tensor, recurrent_2H4H: Tensor, *, steps: list[int]) -> Tensor:
    """Return the states (2,N,H) of an LSTM, both directions at once, in the layout of `TimeMajor`.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.

    Args:
        inputs_2N4H: the inputs' share of the input, forget and output gates and of the candidate, in this order, biases
            included.
        recurrent_2H4H: the weights of the states.
        steps: the number of rows of each step.
    """
    return _in_full_precision(_LSTM, inputs_2N4H, recurrent=recurrent_2H4H, steps=steps)


def _in_full_precision(
    recurrence: type[torch.autograd.Function], inputs: Tensor, *, recurrent: Tensor, steps: list[int]
) -> Tensor:
    if inputs.dtype == recurrent.dtype and not torch.is_autocast_enabled(inputs.device.type):
        return recurrence.apply(inputs, recurrent, steps)
    with torch.autocast(inputs.device.type, enabled=False):
        return recurrence.apply(inputs.to(recurrent.dtype), recurrent, steps)


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, recurrent: Tensor, steps: list[int]) -> Tensor:  # noqa: PLR0917  (called by torch)
        ctx.kernels = _kernels(inputs)
        if ctx.kernels is not None:
            return _gru_states(ctx, inputs, recurrent=recurrent, steps=steps)
        items, width = inputs.shape[1], recurrent.shape[1]
        rows = steps[0] if steps else 0
        # the first rows are the state before the first word
        states = inputs.new_zeros(2, rows + items, width)
        gates = torch.empty_like(inputs)
        candidate_h = inputs.new_empty(2, items, width)
        for before, start, count in _walk(steps):
            here = slice(start, start + count)
            state = states[:, before : before + count]
            product = torch.bmm(state, recurrent)
            gate = torch.sigmoid(product[..., : 2 * width] + inputs[:, here, : 2 * width])
            candidate_h[:, here] = product[..., 2 * width :]
            new = torch.addcmul(
                inputs[:, here, 2 * width :], gate[..., :width], product[..., 2 * width :]
            ).tanh_()
            gates[:, here, : 2 * width] = gate
            gates[:, here, 2 * width :] = new
            torch.lerp(new, state, gate[..., width:], out=states[:, rows + start : rows + start + count])
        ctx.save_for_backward(recurrent, states, gates, candidate_h)
        ctx.steps = steps
        return states[:, rows:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        if ctx.kernels is not None:
            return _gru_gradients(ctx, grad)
        recurrent, states, gates, candidate_h = ctx.saved_tensors
        steps: list[int] = ctx.steps
        items, width = candidate_h.shape[1], candidate_h.shape[2]
        rows = steps[0] if steps else 0
        reset, update, new = gates.split(width, dim=2)
        before = _before(states, steps)
        # The share of the state's gradient for each gate's input needs no earlier step, so it is computed for all at once.
        to_new = (1 - update) * (1 - new * new)
        to_update = (before - new) * update * (1 - update)
        to_reset = to_new * candidate_h * reset * (1 - reset)
        to_product = torch.stack([to_reset, to_update, to_new * reset], dim=2)  # (2,N,3,H)
        back = recurrent.transpose(1, 2)
        total = torch.cat([grad.new_zeros(2, rows, width), grad], dim=1)
        for earlier, start, count in reversed(_walk(steps)):
            here = slice(start, start + count)
            state = total[:, rows + start : rows + start + count]
            gate = (state[:, :, None] * to_product[:, here]).reshape(2, count, 3 * width)
            total[:, earlier : earlier + count] += torch.baddbmm(state * update[:, here], gate, back)
        total = total[:, rows:]
        grad_inputs = torch.cat([total * to_reset, total * to_update, total * to_new], dim=2)
        grad_product = (total[:, :, None] * to_product).reshape(2, items, 3 * width)
        return grad_inputs, torch.bmm(before.transpose(1, 2), grad_product), None


class _Rows(ctypes.Structure):
    """`Rows` of recurrence.c."""

    _fields_ = [("width", c_int64), ("steps", c_int64), ("count", c_void_p)]


def _kernels(inputs: Tensor) -> ctypes.CDLL | None:
    is_readable = inputs.dtype == torch.float32 and inputs.device.type == "cpu"
    return load_kernels() if is_readable and not torch.compiler.is_compiling() else None


def _gru_states(ctx: Any, inputs: Tensor, *, recurrent: Tensor, steps: list[int]) -> Tensor:
    """Compute the states by the kernel; the arguments are those of `_GRU.forward`."""
    inputs, recurrent = inputs.contiguous(), recurrent.contiguous()
    items, width = inputs.shape[1], recurrent.shape[1]
    first, kernels = steps[0] if steps else 0, ctx.kernels
    states = inputs.new_empty(2, first + items, width)
    states[:, :first] = 0
    gates, candidate = torch.empty_like(inputs), inputs.new_empty(2, items, width)
    count = torch.tensor(steps, dtype=torch.int64)
    rows = _Rows(width=width, steps=len(steps), count=pointer(count))

    def walk(direction: int, end: int) -> None:
        for one in range(direction, end):
            product = inputs.new_empty(first, 3 * width)
            kernels.mgm_gru_states(
                ctypes.byref(rows),
                *(pointer(tensor[one]) for tensor in (inputs, recurrent, states, gates, candidate)),
                pointer(product),
            )

    run_in_shares(walk, 2, work=6 * items * width * width)
    ctx.save_for_backward(recurrent, states, gates, candidate, count)
    return states[:, first:].clone()


def _gru_gradients(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
    """Compute the result of `_GRU.backward` by the kernel."""
    recurrent, states, gates, candidate, count = ctx.saved_tensors
    kernels, (items, width) = ctx.kernels, candidate.shape[1:]
    of_states = torch.cat([torch.zeros_like(states[:, : states.shape[1] - items]), grad], dim=1)
    of_inputs, of_product, past = (
        torch.empty_like(gates),
        torch.empty_like(gates),
        torch.empty_like(candidate),
    )
    back = recurrent.transpose(1, 2).contiguous()
    rows = _Rows(width=width, steps=len(count), count=pointer(count))

    def walk(direction: int, end: int) -> None:
        for one in range(direction, end):
            read = (back, states, gates, candidate)
            written = (of_states, of_inputs, of_product, past)
            kernels.mgm_gru_gradients(ctypes.byref(rows), *(pointer(t[one]) for t in (*read, *written)))

    run_in_shares(walk, 2, work=6 * items * width * width)
    return of_inputs, torch.bmm(past.transpose(1, 2), of_product), None


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, recurrent: Tensor, steps: list[int]) -> Tensor:  # noqa: PLR0917  (called by torch)
        items, width = inputs.shape[1], recurrent.shape[1]
        rows = steps[0] if steps else 0
        # the first rows are the state and the cell before the first word
        states, cells = inputs.new_zeros(2, 2, rows + items, width)
        gates = torch.empty_like(inputs)
        for before, start, count in _walk(steps):
            here, after = slice(start, start + count), slice(rows + start, rows + start + count)
            past = slice(before, before + count)
            product = torch.baddbmm(inputs[:, here], states[:, past], recurrent)
            gate, candidate = gates[:, here, : 3 * width], gates[:, here, 3 * width :]
            gate.copy_(product[..., : 3 * width].sigmoid_())
            candidate.copy_(product[..., 3 * width :].tanh_())
            kept = gate[..., width : 2 * width] * cells[:, past]
            cells[:, after] = kept.addcmul_(gate[..., :width], candidate)
            states[:, after] = gate[..., 2 * width :] * kept.tanh()
        ctx.save_for_backward(recurrent, states, cells, gates)
        ctx.steps = steps
        return states[:, rows:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        recurrent, states, cells, gates = ctx.saved_tensors
        steps: list[int] = ctx.steps
        width, rows = recurrent.shape[1], steps[0] if steps else 0
        enter, forget, leave, candidate = gates.split(width, dim=2)
        squashed = cells[:, rows:].tanh()
        # The shares of the cell's and the state's gradients for each gate's input, for all steps at once.
        to_cell = leave * (1 - squashed * squashed)
        to_enter = candidate * enter * (1 - enter)
        to_forget = _before(cells, steps) * forget * (1 - forget)
        to_candidate = enter * (1 - candidate * candidate)
        to_leave = squashed * leave * (1 - leave)
        back = recurrent.transpose(1, 2)
        total = torch.cat([grad.new_zeros(2, rows, width), grad], dim=1)
        total_cell = torch.zeros_like(total)
        grad_inputs = torch.empty_like(gates)
        for earlier, start, count in reversed(_walk(steps)):
            here, after = slice(start, start + count), slice(rows + start, rows + start + count)
            state = total[:, after]
            cell = torch.addcmul(total_cell[:, after], state, to_cell[:, here])
            grad_inputs[:, here] = torch.cat(
                [
                    cell * to_enter[:, here],
                    cell * to_forget[:, here],
                    state * to_leave[:, here],
                    cell * to_candidate[:, here],
                ],
                dim=2,
            )
            total[:, earlier : earlier + count] += torch.bmm(grad_inputs[:, here], back)
            total_cell[:, earlier : earlier + count] = cell * forget[:, here]
        return grad_inputs, torch.bmm(_before(states, steps).transpose(1, 2), grad_inputs), None


def _before(states: Tensor, steps: list[int]) -> Tensor:
    """Return the state (2,N,H) before each slot, of the states (2,R+N,H) whose first rows are the initial ones."""
    return torch.cat(
        [states[:, :0], *(states[:, first : first + count] for first, _, count in _walk(steps))], dim=1
    )


def _walk(steps: list[int]) -> list[tuple[int, int, int]]:
    """Return for each step the first row of the states before it (initial ones come first), its first slot, its number of rows."""
    before = accumulate([steps[0] if steps else 0, *steps], initial=0)
    return list(zip(before, accumulate(steps, initial=0), steps, strict=False))
