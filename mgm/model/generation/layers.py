"""Attention layers of the source encoder and of the decoder, with normalisation before each part and a residual after it.

Axes: B documents, Q queries, M items attended to, D width, H heads, d width of a head. Source: Vaswani et al. 2017,
arXiv:1706.03762; the order of normalisation: Xiong et al. 2020, arXiv:2002.04745.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.dropout import Dropout
from mgm.settings.model import GenerationSettings


class KVCache(NamedTuple):
    """The keys and values of the items attended to, (B,H,M,d) each."""

    key: Tensor
    value: Tensor

    def select(self, rows: Tensor) -> "KVCache":
        """Return the keys and values of some documents."""
        return KVCache(self.key[rows], self.value[rows])

    def gather(self, index_BM: Tensor) -> "KVCache":
        """Return the keys and values of some items (B,M) of each document."""
        index = index_BM[:, None, :, None].expand(-1, self.key.shape[1], -1, self.key.shape[3])
        return KVCache(self.key.gather(2, index), self.value.gather(2, index))

    def grown(self, count: int) -> "KVCache":
        """Return a cache with room for `count` more items."""
        room = self.key.new_empty(*self.key.shape[:2], count, self.key.shape[3])
        return KVCache(torch.cat([self.key, room], 2), torch.cat([self.value, room], 2))


@dataclass(frozen=True)
class LiveOutputs:
    """The outputs that a step of a search is about: some of the K outputs of each of B documents.

    Attributes:
        documents, outputs: B and K.
        rows: (R,) the indices of the live ones among all B*K; None: all of them are.
    """

    documents: int
    outputs: int
    rows: Tensor | None = None

    def spread(self, items_RD: Tensor) -> Tensor:
        """Return items of live outputs as (B,K,D), with 0 for the others."""
        if self.rows is not None:
            all_rows = items_RD.new_zeros(self.documents * self.outputs, items_RD.shape[1])
            items_RD = all_rows.index_copy_(0, self.rows, items_RD)
        return items_RD.view(self.documents, self.outputs, -1)

    def pack(self, items_BKD: Tensor) -> Tensor:
        """Return the items (R,D) of live outputs."""
        items = items_BKD.flatten(0, 1)
        return items if self.rows is None else items.index_select(0, self.rows)


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
        key_mask = None if mask is None else mask[:, None, None, :]
        return self.output(self.mix(self.query(items_BQD), keys, mask=key_mask, causal=causal))

    def mix(
        self, query_BQD: Tensor, keys: KVCache, *, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """Return the values that projected queries attend to, (B,Q,D).

        Args:
            query_BQD: the projected queries.
            keys: the keys and values.
            mask: (B,1,Q,M), or what broadcasts to it: whether a query attends to an item, or a number that its logit gets.
            causal: whether a query attends only to the items up to its position.
        """
        query = query_BQD.unflatten(2, (self.heads, -1)).transpose(1, 2)
        # The backward pass of attention is several times slower in bf16 on a CPU.
        with torch.autocast(query.device.type, enabled=query.device.type != "cpu"):
            if query.device.type == "cpu":
                query, keys = query.float(), KVCache(keys.key.float(), keys.value.float())
            mixed = F.scaled_dot_product_attention(
                query, keys.key, keys.value, attn_mask=mask, is_causal=causal
            )
        return mixed.transpose(1, 2).flatten(2)


class StepMasks(NamedTuple):
    """What outputs attend to, as numbers that logits get: 0, or -inf for what they do not.

    Attributes:
        outputs: (B,1,K,M) the positions of all outputs of a document; an output attends to those that it goes on from.
        source: (B,1,1,M) the items of the source.
    """

    outputs: Tensor
    source: Tensor


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
        self.dropout = Dropout(settings.dropout)

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
        self.dropout = Dropout(settings.dropout)

    def forward(self, items_BQD: Tensor, source_kv: KVCache, *, mask_BM: Tensor) -> Tensor:
        """Return the states (B,Q,D) of all positions of an output at once."""
        normal = self.normalise[0](items_BQD)
        items_BQD = items_BQD + self.dropout(self.attend(normal, self.attend.keys(normal), causal=True))
        return self._attend_to_source(items_BQD, source_kv, mask_BM=mask_BM)

    def step(
        self,
        items_RD: Tensor,
        output_kv: KVCache,
        *,
        first: int,
        live: LiveOutputs,
        source_kv: KVCache,
        masks: "StepMasks",
    ) -> Tensor:
        """Return the states (R,D) of one more position of the live outputs, whose keys and values are written into the cache.

        Args:
            items_RD: the vectors of the last position.
            output_kv: (B,H,M,d) the keys and values of all positions of all outputs of a document.
            first: where those of this position begin, one for each output.
            live: the outputs.
            source_kv: the keys and values of the source. The outputs of a document are queries to one source, which is
                therefore not repeated for each.
            masks: what they attend to.
        """
        normal, last = self.normalise[0](items_RD), first + live.outputs
        keys = live.spread(self.attend.key_value(normal)).unflatten(2, (2, self.attend.heads, -1))
        output_kv.key[:, :, first:last] = keys[:, :, 0].transpose(1, 2)
        output_kv.value[:, :, first:last] = keys[:, :, 1].transpose(1, 2)
        before = KVCache(output_kv.key[:, :, :last], output_kv.value[:, :, :last])
        mixed = self.attend.mix(live.spread(self.attend.query(normal)), before, mask=masks.outputs)
        items_RD = items_RD + self.attend.output(live.pack(mixed))
        query = live.spread(self.cross_attention.query(self.normalise[1](items_RD)))
        mixed = self.cross_attention.mix(query, source_kv, mask=masks.source)
        items_RD = items_RD + self.cross_attention.output(live.pack(mixed))
        return items_RD + self.forward_part(self.normalise[2](items_RD))

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
