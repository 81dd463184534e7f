"""The vectors of a pretrained encoder, which read the text on its own.

Axes: B documents, N words, D width of the encoder.
"""

from typing import Self

from torch import nn

from mgm.model.granularity.level import EncoderState, Granularity
from mgm.settings.model import ModelSettings


class Pretrained(Granularity):
    """The encoder's vector of a document as it is, and those of words normalised.

    A batch brings them: they are computed once for all epochs (mgm/pretrained).
    """

    def __init__(self, width: int, *, dropout: float) -> None:
        super().__init__()
        self.normalise = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.widths = {"pretrained": width}
        self.word_widths = {"pretrained": width}

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off.

        Raises:
            ValueError: it is on, and there is no encoder.
        """
        if not settings.pretrained.enabled:
            return None
        if not encoder_width:
            raise ValueError("model.pretrained: enabled, but the documents have no vectors of an encoder")
        return cls(encoder_width, dropout=settings.dropout)

    def extend(self, state: EncoderState) -> None:
        """Take the vectors of the batch."""
        batch = state.batch
        assert len(batch.encoder_vector) == batch.size, "documents without vectors of the encoder"
        state.pooled["pretrained"] = batch.encoder_vector
        if state.with_words:
            assert len(batch.encoder_words) == len(batch.word), "words without vectors of the encoder"
            state.word_parts.append(self.dropout(self.normalise(batch.encoder_words)))
