"""The vectors of a pretrained encoder, which reads the text on its own.

Axes: B documents, N words, U pieces, D width of the encoder.
"""

from typing import Self

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.dropout import Dropout
from mgm.model.granularity.level import EncoderState, Granularity
from mgm.pretrained.encoder import PretrainedEncoder, mean_of_ranges
from mgm.settings.model import ModelSettings


class Pretrained(Granularity):
    """The encoder's vector of a document as it is, and those of words normalised.

    A batch brings the vectors of an encoder that is not trained: they are computed once for all epochs (mgm/pretrained). Of one that is,
    it brings pieces.

    Attributes:
        transformer: the encoder, where it is trained (`attach`).
    """

    transformer: PretrainedEncoder | None

    def __init__(self, width: int, *, dropout: float) -> None:
        super().__init__()
        self.normalise = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)
        self.transformer = None
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

    def attach(self, encoder: PretrainedEncoder) -> None:
        """Make an encoder part of the network, with the layers that its settings name to be trained."""
        encoder.choose_trained_layers()
        self.transformer = encoder

    def extend(self, state: EncoderState) -> None:
        """Add the vectors of documents, and of words where they are wanted."""
        document_BD, words_ND = self.read(state.batch, with_words=state.with_words)
        state.pooled["pretrained"] = document_BD
        if words_ND is not None:
            state.word_parts.append(self.dropout(self.normalise(words_ND)))

    def read(self, batch: Batch, *, with_words: bool) -> tuple[Tensor, Tensor | None]:
        """Return the vectors (B,D) of documents and, if wanted, those (N,D) of words."""
        given = batch.encoder
        if self.transformer is None:
            assert len(given.document) == batch.size, "documents without vectors of the encoder"
            assert not with_words or len(given.word) == len(batch.word), "words without vectors"
            return given.document, given.word if with_words else None
        assert len(given.count) == batch.size, "documents without pieces of the encoder"
        pieces_UD, document_BD = self.transformer(given.piece, given.count)
        if not with_words:
            return document_BD, None
        first_B = given.count.cumsum(0) - given.count
        first_N = torch.repeat_interleave(first_B, batch.words_per_document)
        start_N, stop_N = first_N + given.start, first_N + given.stop
        return document_BD, mean_of_ranges(pieces_UD, start_N=start_N, stop_N=stop_N)
