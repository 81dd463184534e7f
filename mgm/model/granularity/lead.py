"""The document's first sentence, read on its own: a title, a headline or a summary line carries more information than its length suggests.

Axes: B documents, T distinct words, D width of a word, V width of the lead.
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from mgm.model.granularity.level import EncoderState, Granularity
from mgm.model.ragged import Ragged, gather_mean
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
        reading = state.selections["all"]
        words = Ragged(reading.sentences.values[reading.lead.values], reading.lead.length)
        state.pooled["lead"] = self.join([gather_mean(state.types.whole_TD, words), *state.lead_windows])

    def join(self, pooled: Sequence[Tensor]) -> Tensor:
        """Return the lead's vector (B,V), made of the mean of its words and of the maxima of each window."""
        return torch.cat([n(p) for n, p in zip(self.normalise, pooled, strict=True)], dim=1)
