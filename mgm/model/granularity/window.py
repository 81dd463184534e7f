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
from mgm.model.ragged import Ragged
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
            read = partial(window.read, state.projections[window])
            states = state.read_words(read, self.selection, activation=F.relu)
            state.windows.append((states, state.selections[self.selection]))
            # the ReLU last: it keeps the order, and there are fewer maxima than words
            state.pooled[f"window_{window.size}"] = F.relu(states.max_pool())


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
        product: Tensor = self.places(F.pad(types_TD, (0, 0, 0, 1))).view(-1, self.size, self.width)
        product[:, self.own_place] += self.bias
        return product.view(-1, self.width)

    @torch.no_grad()
    def write_projections(self, types_TD: Tensor, out: Tensor) -> None:
        """Write the projections of words, without those of padding, into `out` (T*k,W)."""
        torch.mm(types_TD, self.places.weight.T, out=out.view(types_TD.shape[0], -1))
        out.view(-1, self.size, self.width)[:, self.own_place] += self.bias

    def read(self, projections: Tensor, reading: TokenSelection) -> Ragged:
        """Return the result of `forward`, given the words' projections."""
        words = reading.documents
        neighbour = reading.context_windows(self.size, beyond=projections.shape[0] // self.size - 1)
        place = torch.arange(self.size, device=neighbour.device)
        window = F.embedding_bag(neighbour.mul_(self.size).add_(place), projections, mode="sum")
        return Ragged(window, words.length)
