"""Attention over the sentences of each paragraph.

Axes: B documents, P paragraphs, S sentences.
"""

from torch import Tensor, nn

from mgm.model.attention import AttentionPooling
from mgm.model.batch import Batch
from mgm.model.ragged import Ragged


class Paragraph(nn.Module):
    """Sentence vectors to paragraph vectors."""

    def __init__(self, input_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.sentences = AttentionPooling(input_width, width, heads)

    def forward(self, sentences_SD: Tensor, batch: Batch) -> Ragged:
        """(P, width) by document."""
        paragraphs = self.sentences(Ragged(sentences_SD, batch.paragraph_length))
        return Ragged(paragraphs, batch.document_length)
