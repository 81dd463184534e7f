"""Attention over the paragraphs of each document.

Axes: B documents, P paragraphs.
"""

from torch import Tensor, nn

from mgm.model.attention import AttentionPooling
from mgm.model.ragged import Ragged


class Document(nn.Module):
    """Paragraph vectors to document vectors."""

    def __init__(self, input_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.paragraphs = AttentionPooling(input_width, width, heads)

    def forward(self, paragraphs_PD: Ragged) -> Tensor:
        """(B, width)"""
        return self.paragraphs(paragraphs_PD)
