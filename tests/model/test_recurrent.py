from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mgm.model import recurrent as recurrent_module
from mgm.model.granularity.sentence import RECURRENCE, Sentence
from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.ragged import Ragged
from mgm.native import load_kernels

CELLS = ("gru", "lstm")
REFERENCES: dict[str, Any] = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
WIDTH = 3

lengths = st.lists(st.integers(0, 9), min_size=1, max_size=8)


def reference(cell: str) -> Any:
    """torch's own, without the second bias that ours has not."""
    made = REFERENCES[cell](5, WIDTH, bidirectional=True).double()
    for bias in (made.bias_hh_l0, made.bias_hh_l0_reverse):
        torch.nn.init.zeros_(bias)
    return made


def blocks(cell: str, parameter: Tensor) -> Tensor:
    """torch's blocks of gates in our order: its LSTM has the candidate before the output gate."""
    if cell == "gru":
        return parameter
    enter, forget, candidate, leave = parameter.chunk(4)
    return torch.cat([enter, forget, leave, candidate])


def ours(cell: str, made: Any, items: Ragged) -> tuple[Tensor, Tensor]:
    """The gates' inputs in time-major order, both directions, and the recurrent weights."""
    layout = items.time_major
    ends = (("", layout.item), ("_reverse", layout.item_reversed))
    gates, recurrent = [], []
    for end, order in ends:
        weight, bias, back = (
            blocks(cell, getattr(made, f"{name}_l0{end}")) for name in ("weight_ih", "bias_ih", "weight_hh")
        )
        gates.append(torch.nn.functional.linear(items.values, weight, bias)[order])
        recurrent.append(back.T)
    return torch.stack(gates), torch.stack(recurrent)


def states_of(cell: str, gates: Tensor, recurrent: Tensor, items: Ragged) -> Tensor:
    layout = items.time_major
    states = RECURRENCE[cell][0](gates, recurrent, steps=layout.steps)
    return torch.cat([states[0][layout.slot], states[1][layout.slot_reversed]], dim=1)


@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=25)
@given(lengths)
def test_states_and_gradients_equal_those_of_torch(cell: str, length: list[int]) -> None:
    """States and gradients equal those of torch on each row alone."""
    torch.manual_seed(sum(length))
    made = reference(cell)
    items = Ragged(torch.randn(sum(length), 5, dtype=torch.double, requires_grad=True), torch.tensor(length))
    rows = [row for row in items.values.split(length) if len(row)]
    expected = torch.cat([torch.zeros(0, 2 * WIDTH).double(), *(made(row[:, None])[0][:, 0] for row in rows)])
    got = states_of(cell, *ours(cell, made, items), items)
    torch.testing.assert_close(got, expected)
    if rows:
        upstream = torch.randn_like(expected)
        learned = [items.values, *(p for name, p in made.named_parameters() if "bias_hh" not in name)]
        wanted, found = (torch.autograd.grad((s * upstream).sum(), learned) for s in (expected, got))
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_finite_differences(cell: str) -> None:
    torch.manual_seed(0)
    items = Ragged(torch.randn(13, 5, dtype=torch.double), torch.tensor([4, 1, 6, 2]))
    given = [part.detach().requires_grad_() for part in ours(cell, reference(cell), items)]
    assert torch.autograd.gradcheck(lambda *parts: states_of(cell, *parts, items), given)


@pytest.mark.parametrize("cell", CELLS)
def test_no_words_have_no_states(cell: str) -> None:
    recurrence, count = RECURRENCE[cell]
    states = recurrence(torch.zeros(2, 0, count * 3), torch.zeros(2, 3, count * 3), steps=[])
    assert states.shape == (2, 0, 3)


@pytest.mark.parametrize("cell", CELLS)
def test_under_autocast_the_recurrence_keeps_full_precision(cell: str) -> None:
    torch.manual_seed(0)
    items = Ragged(torch.randn(13, 5), torch.tensor([4, 1, 6, 2]))
    gates, recurrent = (
        part.detach().float().requires_grad_() for part in ours(cell, reference(cell).float(), items)
    )
    wanted = states_of(cell, gates, recurrent, items)
    with torch.autocast("cpu", torch.bfloat16):
        got = states_of(cell, gates, recurrent, items)
        rounded = states_of(cell, gates.bfloat16(), recurrent, items)
    assert torch.equal(got, wanted)
    assert rounded.dtype == torch.float32
    rounded.sum().backward()  # outside autocast, as training does
    assert recurrent.grad is not None and recurrent.grad.dtype == torch.float32


@pytest.mark.parametrize("cell", CELLS)
def test_a_sentence_encoder_of_either_cell(cell: Any) -> None:
    torch.manual_seed(0)
    encoder, types = Sentence(4, 6, cell=cell), torch.randn(9, 4)
    words = torch.tensor([0, 3, 8, 8, 1, 2, 5])
    together = encoder(types, TokenSelection(Ragged(words, torch.tensor([3, 0, 4])), torch.tensor([3])))
    alone = encoder(types, TokenSelection(Ragged(words[3:], torch.tensor([4])), torch.tensor([1])))
    assert together.values.shape == (7, 6)
    torch.testing.assert_close(together.values[3:], alone.values)
    assert encoder.recurrent.shape == (2, 3, 3 * {"gru": 3, "lstm": 4}[cell])


@pytest.mark.skipif(load_kernels() is None, reason="needs the compiled kernels")
@settings(max_examples=25)
@given(lengths, st.sampled_from([3, 8, 16, 21]))
def test_the_kernel_equals_the_operations_of_torch(length: list[int], width: int) -> None:
    torch.manual_seed(width)
    items = Ragged(torch.zeros(sum(length), 1), torch.tensor(length))
    gates = torch.randn(2, sum(length), 3 * width) * 3
    recurrent, upstream = torch.randn(2, width, 3 * width), torch.randn(2, sum(length), width)
    told = []
    for has_kernel in (True, False):
        learned = gates.clone().requires_grad_(), recurrent.clone().requires_grad_()
        with pytest.MonkeyPatch.context() as patch:
            if not has_kernel:
                patch.setattr(recurrent_module, "load_kernels", lambda: None)
            states = RECURRENCE["gru"][0](*learned, steps=items.time_major.steps)
            told.append([states, *torch.autograd.grad((states * upstream).sum(), learned)])
    for mine, theirs in zip(*told, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(load_kernels() is None, reason="needs the compiled kernels")
def test_the_kernel_saturates_and_keeps_what_is_no_number() -> None:
    gates = torch.tensor([1e30, -1e30, 500.0, -500.0, torch.inf, -torch.inf]).repeat(3)
    inputs = gates.view(1, 1, 18).repeat(2, 1, 1)
    states = RECURRENCE["gru"][0](inputs, torch.zeros(2, 6, 18), steps=[1])
    expected = torch.tanh(gates[:6]) * (1 - torch.sigmoid(gates[:6]))
    torch.testing.assert_close(states[0, 0], expected)
    inputs[0, 0, 12] = torch.nan
    assert RECURRENCE["gru"][0](inputs, torch.zeros(2, 6, 18), steps=[1])[0, 0, 0].isnan()
