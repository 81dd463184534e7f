"""A bidirectional GRU over ragged rows whose input products are already there.

Axes: 2 directions, N items in time-major order, R rows, H state width.
"""

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def gru(inputs_2N3H: Tensor, recurrent_2H3H: Tensor, steps: list[int]) -> Tensor:
    """(2,N,H) states of h_t = GRU(w_t, h_{t-1}), both directions at once, in the layout of `TimeMajor`.

    `inputs_2N3H`: the inputs' share of the reset, update and candidate gates, biases included. The gates are
    those of torch.nn.GRU without its second bias. Source: Cho et al. 2014, arXiv:1406.1078.
    """
    return _GRU.apply(inputs_2N3H, recurrent_2H3H, steps)


class _GRU(torch.autograd.Function):
    """Written out because autograd's own record of each step costs several times the arithmetic on a CPU."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, recurrent: Tensor, steps: list[int]) -> Tensor:
        items, width = inputs.shape[1], recurrent.shape[1]
        rows = steps[0] if steps else 0
        states = inputs.new_zeros(
            2, rows + items, width
        )  # the first rows are the state before the first word
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
        recurrent, states, gates, candidate_h = ctx.saved_tensors
        steps: list[int] = ctx.steps
        items, width = candidate_h.shape[1], candidate_h.shape[2]
        rows = steps[0] if steps else 0
        reset, update, new = gates.split(width, dim=2)
        before = torch.cat(
            [states[:, :0], *(states[:, first : first + count] for first, _, count in _walk(steps))], dim=1
        )
        # what each gate's input gets of the state's gradient: needs no earlier step, so done for all at once
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


def _walk(steps: list[int]) -> list[tuple[int, int, int]]:
    """Of each step: where the states before it begin (initial ones come first), its first slot, its rows."""
    before = accumulate([steps[0] if steps else 0, *steps], initial=0)
    return list(zip(before, accumulate(steps, initial=0), steps, strict=False))
