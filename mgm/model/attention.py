"""Attention inside the rows of a ragged batch.

Axes: R rows, N items, C rows of one length class, L their longest, H heads, D width, d width of a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.ragged import Ragged

MAX_ATTENDED = 1024
"""The items of a row that attend to each other; those of a longer one do so in blocks, or its time would grow with its square."""


class SelfAttention(nn.Module):
    """Multi-head self-attention of each row's items, with a residual and layer normalisation.

    Source: Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(self, width: int, heads: int) -> None:
        """Make the layer.

        Raises:
            ValueError: `heads` does not divide `width`.
        """
        super().__init__()
        if width % heads:
            raise ValueError(f"model: width {width} is no multiple of heads {heads}")
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.normalise = nn.LayerNorm(width)

    def forward(self, items_ND: Ragged) -> Ragged:
        """Return (N,D) in the same rows."""
        blocks = cut_rows(items_ND.length, MAX_ATTENDED)
        projected = Ragged(self.query_key_value(items_ND.values), blocks)
        places, outputs = [], []
        for place, rows in projected.by_length():
            padded, mask = rows.pad()
            query, key, value = padded.unflatten(2, (3, self.heads, -1)).permute(
                2, 0, 3, 1, 4
            )  # each (C,H,L,d)
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
            outputs.append(mixed.transpose(1, 2).flatten(2)[mask])
            places.append(place)
        if not outputs:
            return items_ND
        mixed_ND = torch.cat(outputs)[torch.argsort(torch.cat(places))]
        return Ragged(self.normalise(items_ND.values + self.output(mixed_ND)), items_ND.length)


def cut_rows(length: Tensor, longest: int) -> Tensor:
    """Return the lengths of rows in which each row longer than `longest` is rows of that length, and one of what is left."""
    if not length.numel() or int(length.max()) <= longest:
        return length
    counts = (length + longest - 1).div(longest, rounding_mode="floor").clamp(min=1)
    blocks = torch.full((int(counts.sum()),), longest, dtype=length.dtype, device=length.device)
    blocks[counts.cumsum(0) - 1] = length - (counts - 1) * longest
    return blocks


class AdditivePooling(nn.Module):
    """One vector a row, the mean weighted by a_i = softmax(a^T tanh(W s_i + b)). Source: Yang et al. 2016, HAN."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.context = nn.Linear(width, 1, bias=False)

    def forward(self, items_ND: Ragged) -> Tensor:
        """Return (R,D); zeros for an empty row."""
        weight = self.weights(items_ND)
        return Ragged(weight[:, None] * items_ND.values, items_ND.length).sum_pool()

    def weights(self, items_ND: Ragged) -> Tensor:
        """Return the weight (N,) of each item in its row; a row's weights sum to 1."""
        score = self.context(torch.tanh(self.hidden(items_ND.values)))[:, 0]
        return Ragged(score, items_ND.length).softmax()


class AttentionPooling(nn.Module):
    """A pooling of a row of vectors into one: projection, self-attention, additive pooling."""

    def __init__(self, input_width: int, width: int, *, heads: int) -> None:
        super().__init__()
        self.project = nn.Linear(input_width, width)
        self.attend = SelfAttention(width, heads)
        self.pool = AdditivePooling(width)

    def forward(self, items: Ragged) -> Tensor:
        """Return (R, width)."""
        return self.pool(self.attend(Ragged(self.project(items.values), items.length)))
