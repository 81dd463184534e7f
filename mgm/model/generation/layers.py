"""Attention layers of the source encoder and of the decoder, with normalisation before each part and a residual after it.

Axes: B documents, Q queries, M items attended to, D width, H heads, d width of a head. Source: Vaswani et al. 2017,
arXiv:1706.03762; the order of normalisation: Xiong et al. 2020, arXiv:2002.04745.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.settings.model import GenerationSettings


class KVCache(NamedTuple):
    """The keys and values of the items attended to, (B,H,M,d) each."""

    key: Tensor
    value: Tensor

    def append(self, other: "KVCache") -> "KVCache":
        """Return these items followed by those of `other`."""
        return KVCache(torch.cat([self.key, other.key], 2), torch.cat([self.value, other.value], 2))

    def select(self, rows: Tensor) -> "KVCache":
        """Return the keys and values of some documents or outputs."""
        return KVCache(self.key[rows], self.value[rows])


class Attention(nn.Module):
    """Multi-head attention whose keys are computed apart from its queries, so that they can be cached."""

    def __init__(self, settings: GenerationSettings) -> None:
        super().__init__()
        self.heads, width = settings.heads, settings.width
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def keys(self, items_BMD: Tensor) -> KVCache:
        """Return the keys and values (B,H,M,d) of items."""
        both = self.key_value(items_BMD).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return KVCache(both[0], both[1])

    def forward(
        self, items_BQD: Tensor, keys: KVCache, *, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """Return the attended vectors (B,Q,D).

        Args:
            items_BQD: the items that queries are computed from.
            keys: the keys and values that they attend to.
            mask: (B,M) whether an item is real rather than padding.
            causal: whether a query attends only to the items up to its position.
        """
        query = self.query(items_BQD).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key_mask = None if mask is None else mask[:, None, None, :]
        # The backward pass of attention is several times slower in bf16 on a CPU.
        with torch.autocast(query.device.type, enabled=query.device.type != "cpu"):
            if query.device.type == "cpu":
                query, keys = query.float(), KVCache(keys.key.float(), keys.value.float())
            mixed = F.scaled_dot_product_attention(
                query, keys.key, keys.value, attn_mask=key_mask, is_causal=causal
            )
        return self.output(mixed.transpose(1, 2).flatten(2))


class Feedforward(nn.Module):
    """Two dense layers."""

    def __init__(self, settings: GenerationSettings) -> None:
        super().__init__()
        self.inner = nn.Linear(settings.width, settings.feedforward_width)
        self.outer = nn.Linear(settings.feedforward_width, settings.width)

    def forward(self, items: Tensor) -> Tensor:
        """Return vectors of the same shape."""
        return self.outer(F.gelu(self.inner(items)))


class EncoderLayer(nn.Module):
    """A layer of the source encoder: self-attention over all items of a document, and a feed-forward part."""

    def __init__(self, settings: GenerationSettings) -> None:
        super().__init__()
        self.attend, self.forward_part = Attention(settings), Feedforward(settings)
        self.normalise = nn.ModuleList(nn.LayerNorm(settings.width) for _ in range(2))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, items_BMD: Tensor, mask_BM: Tensor) -> Tensor:
        """Return the layer's vectors (B,M,D) of the items."""
        normal = self.normalise[0](items_BMD)
        items_BMD = items_BMD + self.dropout(self.attend(normal, self.attend.keys(normal), mask=mask_BM))
        return items_BMD + self.dropout(self.forward_part(self.normalise[1](items_BMD)))


class DecoderLayer(nn.Module):
    """A layer of the decoder: self-attention over the output, attention to the source, and a feed-forward part."""

    def __init__(self, settings: GenerationSettings) -> None:
        super().__init__()
        self.attend, self.cross_attention, self.forward_part = (
            Attention(settings),
            Attention(settings),
            Feedforward(settings),
        )
        self.normalise = nn.ModuleList(nn.LayerNorm(settings.width) for _ in range(3))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, items_BQD: Tensor, source_kv: KVCache, *, mask_BM: Tensor) -> Tensor:
        """Return the states (B,Q,D) of all positions of an output at once."""
        normal = self.normalise[0](items_BQD)
        items_BQD = items_BQD + self.dropout(self.attend(normal, self.attend.keys(normal), causal=True))
        return self._attend_to_source(items_BQD, source_kv, mask_BM=mask_BM)

    def step(
        self, items_BKD: Tensor, output_kv: KVCache | None, *, source_kv: KVCache, mask_BM: Tensor
    ) -> tuple[Tensor, KVCache]:
        """Return the states (B,K,D) of one more position of the outputs, and the keys and values of B*K outputs up to it.

        Args:
            items_BKD: the vectors of the last position of K outputs a document.
            output_kv: the keys and values of the positions before; None at the first.
            source_kv: the keys and values of the source.
            mask_BM: whether an item of the source is real rather than padding.
        """
        batch, beams = items_BKD.shape[:2]
        normal = self.normalise[0](items_BKD).reshape(batch * beams, 1, -1)
        keys = self.attend.keys(normal)
        keys = keys if output_kv is None else output_kv.append(keys)
        items_BKD = items_BKD + self.attend(normal, keys).reshape(batch, beams, -1)
        # The outputs of a document are K queries to one source, which is therefore not repeated for each.
        return self._attend_to_source(items_BKD, source_kv, mask_BM=mask_BM), keys

    def _attend_to_source(self, items_BQD: Tensor, source_kv: KVCache, *, mask_BM: Tensor) -> Tensor:
        items_BQD = items_BQD + self.dropout(
            self.cross_attention(self.normalise[1](items_BQD), source_kv, mask=mask_BM)
        )
        return items_BQD + self.dropout(self.forward_part(self.normalise[2](items_BQD)))


def sinusoidal_positions(position: Tensor, width: int) -> Tensor:
    """Return the sinusoidal encoding (..., width) of positions (...)."""
    half = width // 2
    rate = torch.exp(torch.arange(half, device=position.device) * (-math.log(10_000.0) / half))
    angle = position[..., None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
