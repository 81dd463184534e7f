"""Sums of windows and their maxima by the kernel, against the operations of torch that stand in for it."""

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mgm.model import kernel_threads
from mgm.model.granularity import window as window_module
from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.granularity.window import Window
from mgm.model.ragged import Ragged, gather_max
from mgm.model.window_sums import has_kernel, window_maxima, window_sums
from mgm.native import load_kernels

pytestmark = pytest.mark.skipif(load_kernels() is None, reason="needs the compiled kernels")
TYPES, WIDTH = 7, 5

documents = st.lists(st.lists(st.integers(0, 6), max_size=4), min_size=1, max_size=5)
"""The lengths of the sentences of each document."""


def reading_of(lengths: list[list[int]]) -> TokenSelection:
    flat = [words for sentences in lengths for words in sentences]
    words = torch.randint(0, TYPES, (sum(flat),), generator=torch.Generator().manual_seed(len(flat)))
    of_documents = torch.tensor([len(sentences) for sentences in lengths])
    return TokenSelection(Ragged(words, torch.tensor(flat, dtype=torch.int64)), of_documents)


def made(size: int) -> tuple[Window, Tensor]:
    torch.manual_seed(size)
    window = Window(4, size, width=WIDTH)
    torch.nn.init.normal_(window.bias)
    return window, torch.randn(TYPES, 4, requires_grad=True)


def by_torch(window: Window, types: Tensor, reading: TokenSelection) -> tuple[Tensor, Tensor]:
    """The states, and the maxima over documents and leads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_module, "has_kernel", lambda _: False)
        states = window(types, reading)
    return states.values, torch.stack([states.max_pool(), gather_max(states.values, reading.lead)])


def gradients(output: Tensor, window: Window, types: Tensor) -> list[Tensor]:
    upstream = torch.linspace(-1, 1, output.numel()).view(output.shape)
    learned = [types, window.places.weight, window.bias]
    return list(torch.autograd.grad((output * upstream).sum(), learned, retain_graph=True))


@settings(max_examples=40)
@given(documents, st.sampled_from([1, 2, 3, 4, 8]))
def test_sums_and_maxima_equal_those_of_torch(lengths: list[list[int]], size: int) -> None:
    """The states are the same bits, and so are the maxima; gradients are sums in another order."""
    (window, types), reading = made(size), reading_of(lengths)
    assert has_kernel(window.projections(types))
    got = [find(window.projections(types), reading, size=size) for find in (window_sums, window_maxima)]
    for mine, theirs in zip(got, by_torch(window, types, reading), strict=True):
        assert torch.equal(mine, theirs)
        for of_mine, of_theirs in zip(
            gradients(mine, window, types), gradients(theirs, window, types), strict=True
        ):
            torch.testing.assert_close(of_mine, of_theirs)


def test_any_number_of_threads_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_threads, "LEAST_WORK", 0)
    reading = reading_of([[6, 2], [0], [1, 5, 5], [], [3]])
    before = torch.get_num_threads()
    told: list[list[Any]] = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        try:
            of_threads = []
            for size, find in product((2, 4), (window_sums, window_maxima)):
                window, types = made(size)
                output = find(window.projections(types), reading, size=size)
                of_threads += [output, *gradients(output, window, types)]
        finally:
            torch.set_num_threads(before)
        told.append(of_threads)
    for others in told[1:]:
        assert all(torch.equal(one, other) for one, other in zip(told[0], others, strict=True))


def test_no_number_that_is_not_one_is_lost() -> None:
    """Training stops at such a loss; a maximum that skipped it would hide it."""
    window, types = made(2)
    with torch.no_grad():
        types[0] = torch.nan
    reading = TokenSelection(Ragged(torch.tensor([0, 1]), torch.tensor([2])), torch.tensor([1]))
    assert window_maxima(window.projections(types), reading, size=2).isnan().all()


def test_other_types_and_devices_are_left_to_torch() -> None:
    assert not has_kernel(torch.zeros(2, 2, dtype=torch.bfloat16))
    assert not has_kernel(torch.zeros(2, 2, device="meta"))
