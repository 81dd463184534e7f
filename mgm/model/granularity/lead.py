"""The document's first sentence, read on its own: a title, a headline or a summary line carries more information than its length suggests.

Axes: B documents, T distinct words, D width of a word, V width of the lead.
"""

from collections.abc import Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.level import EncoderState, Granularity
from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.ragged import Ragged, gather_max, gather_mean
from mgm.settings.model import ModelSettings


class Lead(Granularity):
    """The mean of the lead's words beside the maxima of the windows around them.

    Each is normalised, since a mean's entries are much smaller than a maximum's.
    """

    def __init__(self, width: int, windows: Sequence[int]) -> None:
        """Make the lead of words of a width; `windows`: the widths of the windows whose maxima it takes."""
        super().__init__()
        self.normalise = nn.ModuleList(nn.LayerNorm(w) for w in (width, *windows))
        self.widths = {"lead": width + sum(windows)}

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""
        if not settings.lead.enabled:
            return None
        window = settings.window
        return cls(settings.width, [window.width] * len(window.sizes) if window.enabled else [])

    def extend(self, state: EncoderState) -> None:
        """Add the lead's vector."""
        state.pooled["lead"] = self(state.types.whole_TD, state.windows, reading=state.selections["all"])

    def forward(
        self, types_TD: Tensor, windows: list[tuple[Ragged, TokenSelection]], *, reading: TokenSelection
    ) -> Tensor:
        """Return (B,V), V the sum of D and the windows' widths.

        Args:
            types_TD: vectors of distinct words.
            windows: the states of each window before the ReLU, and the words that it read.
            reading: all words.
        """
        words = Ragged(reading.sentences.values[reading.lead.values], reading.lead.length)
        pooled = [gather_mean(types_TD, words)]
        for states, read in windows:
            pooled.append(F.relu(gather_max(states.values, read.lead)))
        return self.join(pooled)

    def join(self, pooled: Sequence[Tensor]) -> Tensor:
        """Return the lead's vector (B,V), made of the mean of its words and of the maxima of each window."""
        return torch.cat([n(p) for n, p in zip(self.normalise, pooled, strict=True)], dim=1)
