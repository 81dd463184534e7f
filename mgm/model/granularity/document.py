"""Attention over the paragraphs of each document.

Axes: B documents, P paragraphs, D width.
"""

from typing import Self

from torch import Tensor

from mgm.model.attention import AttentionPooling
from mgm.model.granularity.level import EncoderState, Granularity
from mgm.model.granularity.paragraph import sentence_width
from mgm.model.ragged import Ragged
from mgm.settings.model import ModelSettings


class Document(Granularity):
    """Paragraph vectors to document vectors."""

    def __init__(self, input_width: int, width: int, *, heads: int) -> None:
        super().__init__()
        self.paragraphs = AttentionPooling(input_width, width, heads=heads)
        self.widths = {"document": width}

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""
        if not settings.document.enabled:
            return None
        below = settings.paragraph.width if settings.paragraph.enabled else sentence_width(settings)
        return cls(below, settings.document.width, heads=settings.document.heads)

    def extend(self, state: EncoderState) -> None:
        """Add the vectors of documents."""
        state.pooled["document"] = self(state.paragraphs)

    def forward(self, paragraphs_PD: Ragged) -> Tensor:
        """Return (B, width)."""
        return self.paragraphs(paragraphs_PD)
