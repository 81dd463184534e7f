"""The sums of the words' projections in windows, and their maxima over each document and its lead, by a kernel.

Where no word's states are wanted, the kernel keeps the maxima of the windows that it sums one after another, and only the words in
the windows that won have a gradient: a few hundredths of what autograd would compute.

Axes: B documents, M words read, T distinct words, k words of a window, W width of a window.
"""

import ctypes
from ctypes import c_int64, c_void_p
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.kernel_threads import run_in_shares
from mgm.model.kernels import pointer
from mgm.native import load_kernels


def has_kernel(projections: Tensor) -> bool:
    """Return whether there is a kernel that reads these projections."""
    is_readable = projections.dtype == torch.float32 and projections.device.type == "cpu"
    return is_readable and not torch.compiler.is_compiling() and load_kernels() is not None


def window_sums(projections: Tensor, reading: TokenSelection, *, size: int) -> Tensor:
    """Return the sum (M,W) of the window around each word: (k-1)//2 words before it to k//2 after it, in its document.

    Args:
        projections: ((T+1)*k,W), as `Window.projections` returns them.
        reading: the words.
        size: k.
    """
    words = _Words(projections, reading, size=size)
    sums: Tensor = _WindowSums.apply(projections, words)
    return sums


def window_maxima(projections: Tensor, reading: TokenSelection, *, size: int) -> Tensor:
    """Return the maxima (2,B,W) of windows over each document's words, and over those of its lead; zeros where it has none.

    The arguments are those of `window_sums`.
    """
    words = _Words(projections, reading, size=size)
    maxima: Tensor = _WindowMaxima.apply(projections, words)
    return maxima


class _Windows(ctypes.Structure):
    """`Windows` of windows.c."""

    _fields_ = [
        ("size", c_int64),
        ("width", c_int64),
        *((name, c_void_p) for name in ("projection", "word", "start", "lead")),
        ("documents", c_int64),
    ]


class _Words:
    """The words of a batch as the kernel reads them."""

    def __init__(self, projections: Tensor, reading: TokenSelection, *, size: int) -> None:
        documents = reading.documents
        self.word = documents.values.contiguous()
        self.start = F.pad(documents.length.cumsum(0), (1, 0))
        self.lead = reading.lead.length
        self.shape, self.size, self.width = projections.shape, size, projections.shape[1]
        self.documents, self.count = len(documents.length), len(self.word)
        self.work = self.count * size * self.width

    def windows(self, projections: Tensor) -> Any:
        """Return them as an argument of a kernel; the projections must live as long as it is used."""
        windows = _Windows(
            size=self.size,
            width=self.width,
            projection=pointer(projections),
            word=pointer(self.word),
            start=pointer(self.start),
            lead=pointer(self.lead),
            documents=self.documents,
        )
        return ctypes.byref(windows)


class _WindowSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projections: Tensor, words: _Words) -> Tensor:  # noqa: PLR0917  (called by torch)
        kernels, projections = load_kernels(), projections.contiguous()
        assert kernels is not None
        sums, windows = projections.new_empty(words.count, words.width), words.windows(projections)

        def sum_documents(first: int, end: int) -> None:
            kernels.mgm_window_sums(windows, c_int64(first), c_int64(end), pointer(sums))

        run_in_shares(sum_documents, words.documents, work=words.work)
        ctx.words = words
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_MW: Tensor) -> tuple[Tensor, None]:
        kernels, words = load_kernels(), ctx.words
        assert kernels is not None
        of_projections, grad_MW = grad_MW.new_zeros(words.shape), grad_MW.contiguous()
        windows = words.windows(of_projections)

        def add_columns(first: int, end: int) -> None:
            kernels.mgm_window_sum_gradients(
                windows, c_int64(first), c_int64(end), pointer(grad_MW), pointer(of_projections)
            )

        run_in_shares(add_columns, words.width, work=words.work)
        return of_projections, None


class _WindowMaxima(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projections: Tensor, words: _Words) -> Tensor:  # noqa: PLR0917  (called by torch)
        kernels, projections = load_kernels(), projections.contiguous()
        assert kernels is not None
        maxima = projections.new_empty(2, words.documents, words.width)
        place, windows = torch.empty_like(maxima, dtype=torch.int32), words.windows(projections)

        def find_maxima(first: int, end: int) -> None:
            room = projections.new_empty(words.width)
            kernels.mgm_window_maxima(
                windows, c_int64(first), c_int64(end), pointer(maxima), pointer(place), pointer(room)
            )

        run_in_shares(find_maxima, words.documents, work=words.work)
        ctx.words, ctx.place = words, place
        return maxima

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_2BW: Tensor) -> tuple[Tensor, None]:
        kernels, words = load_kernels(), ctx.words
        assert kernels is not None
        of_projections, grad_2BW = grad_2BW.new_zeros(words.shape), grad_2BW.contiguous()
        windows = words.windows(of_projections)

        def add_columns(first: int, end: int) -> None:
            kernels.mgm_window_maximum_gradients(
                windows,
                c_int64(first),
                c_int64(end),
                pointer(grad_2BW),
                pointer(ctx.place),
                pointer(of_projections),
            )

        run_in_shares(add_columns, words.width, work=grad_2BW.numel() * words.size)
        return of_projections, None
