"""Convolution over k consecutive words.

Axes: B documents, M words read, T distinct words, D width of a word, W width of the window.
"""

from collections.abc import Sequence
from functools import partial
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.level import EncoderState, Granularity, ProjectingLevel
from mgm.model.granularity.token_selection import SelectionName, TokenSelection
from mgm.model.ragged import Ragged, gather_max
from mgm.model.window_sums import has_kernel, window_maxima, window_sums
from mgm.settings.model import ModelSettings


class Windows(Granularity):
    """Windows of several sizes; a document's vector of each is the maximum over its words."""

    def __init__(
        self, input_width: int, sizes: Sequence[int], *, width: int, selection: SelectionName = "all"
    ) -> None:
        super().__init__()
        if len(sizes) != len(set(sizes)):
            raise ValueError(f"model.window.sizes: {sizes}: each size once")
        self.windows = nn.ModuleList(Window(input_width, size, width=width) for size in sizes)
        self.selection = selection
        self.widths = {f"window_{size}": width for size in sizes}
        self.word_widths = dict(self.widths)

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""
        window = settings.window
        if not window.enabled or not window.sizes:
            return None
        return cls(settings.width, window.sizes, width=window.width, selection=window.words)

    @property
    def projecting_levels(self) -> Sequence["Window"]:
        """The windows, in the order of their sizes in the settings."""
        return [window for window in self.windows if isinstance(window, Window)]

    def extend(self, state: EncoderState) -> None:
        """Add the states and the pooled vectors of each window."""
        for window in self.projecting_levels:
            maxima, of_lead = self._maxima(window, state)
            # the ReLU last: it keeps the order, and there are fewer maxima than words
            state.pooled[f"window_{window.size}"] = F.relu(maxima)
            if of_lead is not None:
                state.lead_windows.append(F.relu(of_lead))

    def _maxima(self, window: "Window", state: EncoderState) -> tuple[Tensor, Tensor | None]:
        """Return the maxima (B,W) of a window over the words read of each document and of its lead, before the ReLU."""
        reading, projections = state.selections[self.selection], state.projections[window]
        if not state.with_words and has_kernel(projections):
            maxima, of_lead = window_maxima(projections, reading, size=window.size)
            return maxima, of_lead
        read = partial(window.read, projections)
        states = state.read_words(read, self.selection, activation=F.relu)
        return states.max_pool(), gather_max(states.values, reading.lead) if state.with_lead else None


class Window(ProjectingLevel):
    """A vector for the k words around each word; words beyond the document's ends add nothing.

    Each distinct word is multiplied once for each of the k places, and a window sums the projections that its words have
    there: a word that occurs often costs one product. Source: Kim 2014, arXiv:1408.5882.
    """

    def __init__(self, input_width: int, size: int, *, width: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"model.window.sizes: {size}: expected at least 1 word")
        self.size = size
        self.rows_per_word = self.padding_rows = size
        self.width = width
        self.own_place = (size - 1) // 2
        self.places = nn.Linear(input_width, size * width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, types_TD: Tensor, reading: TokenSelection) -> Ragged:
        """Return (M,W) by document: the window that has (k-1)//2 words before its word, before the ReLU."""
        return self.read(self.projections(types_TD), reading)

    def projections(self, types_TD: Tensor) -> Tensor:
        """Return ((T+1)*k,W), a row for each word and position; the last k rows are those of padding.

        The bias is in the projection of the window's own word.
        """
        product = F.linear(F.pad(types_TD, (0, 0, 0, 1)), self.places.weight, self._bias_of_places())
        return product.view(-1, self.width)

    @torch.no_grad()
    def write_projections(self, types_TD: Tensor, out: Tensor) -> None:
        """Write the projections of words, without those of padding, into `out` (T*k,W)."""
        flat = out.view(types_TD.shape[0], -1)
        torch.addmm(self._bias_of_places(), types_TD, self.places.weight.T, out=flat)

    def _bias_of_places(self) -> Tensor:
        """Return (k*W,), the bias at the window's own word and 0 at the other places."""
        before, after = self.own_place, self.size - 1 - self.own_place
        return F.pad(self.bias, (before * self.width, after * self.width))

    def read(self, projections: Tensor, reading: TokenSelection) -> Ragged:
        """Return the result of `forward`, given the words' projections."""
        words = reading.documents
        if has_kernel(projections):
            return Ragged(window_sums(projections, reading, size=self.size), words.length)
        neighbour = reading.context_windows(self.size, beyond=projections.shape[0] // self.size - 1)
        place = torch.arange(self.size, device=neighbour.device)
        window = F.embedding_bag(neighbour * self.size + place, projections, mode="sum")
        return Ragged(window, words.length)
