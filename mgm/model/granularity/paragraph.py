"""Attention over the sentences of each paragraph.

Axes: B documents, P paragraphs, S sentences, D width.
"""

from typing import Self

from torch import Tensor

from mgm.model.attention import AttentionPooling
from mgm.model.batch import Batch
from mgm.model.granularity.level import EncoderState, Granularity
from mgm.model.ragged import Ragged
from mgm.settings.model import ModelSettings


class Paragraph(Granularity):
    """Sentence vectors to paragraph vectors, whose maximum is the document's."""

    def __init__(self, input_width: int, width: int, *, heads: int) -> None:
        super().__init__()
        self.sentences = AttentionPooling(input_width, width, heads=heads)
        self.widths = {"paragraph": width}

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""
        if not settings.paragraph.enabled:
            return None
        return cls(sentence_width(settings), settings.paragraph.width, heads=settings.document.heads)

    def extend(self, state: EncoderState) -> None:
        """Add the vectors of paragraphs and of documents."""
        state.paragraph_level = self(state.sentences, state.batch)
        state.pooled["paragraph"] = state.paragraph_level.max_pool()

    def forward(self, sentences_SD: Tensor, batch: Batch) -> Ragged:
        """Return (P, width), by document."""
        paragraphs = self.sentences(Ragged(sentences_SD, batch.paragraph_length))
        return Ragged(paragraphs, batch.document_length)


def sentence_width(settings: ModelSettings) -> int:
    """Return the width of the sentences' vectors; those of a level that is off are means of words."""
    return settings.sentence.width if settings.sentence.enabled else settings.width
