"""The document's first sentence, read on its own: a title, a headline or a summary line says more than its length.

Axes: B documents, T distinct words, D width of a word, V width of the lead.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.ragged import Ragged, gather_max, gather_mean


class Lead(nn.Module):
    """The mean of the lead's words beside the maxima of the windows around them, each normalised: a mean's entries are
    much smaller than a maximum's."""

    def __init__(self, width: int, windows: list[int]) -> None:
        """`windows`: the widths of the windows whose maxima it takes."""
        super().__init__()
        self.width = width + sum(windows)
        self.normalise = nn.ModuleList(nn.LayerNorm(w) for w in (width, *windows))

    def forward(
        self, types_TD: Tensor, windows: list[tuple[Ragged, TokenSelection]], reading: TokenSelection
    ) -> Tensor:
        """(B,V) with V = D and the windows' widths; `windows`: the states of each before the ReLU, and what it read."""
        words = Ragged(reading.sentences.values[reading.lead.values], reading.lead.length)
        pooled = [gather_mean(types_TD, words)]
        for states, read in windows:
            pooled.append(F.relu(gather_max(states.values, read.lead)))
        return torch.cat([n(p) for n, p in zip(self.normalise, pooled, strict=True)], dim=1)
