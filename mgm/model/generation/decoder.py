"""A decoder that writes subwords of its own or copies those that it reads.

Axes: B documents, K outputs of a document, T places of an output, L subwords read, M items read, V pieces, D width.
Source of copying: See et al. 2017, arXiv:1704.04368 (pointer-generator).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.generation.layers import DecoderLayer, KVCache, sinusoidal_positions
from mgm.model.generation.source_memory import Memory, Reader
from mgm.model.ragged import Words
from mgm.settings.model import GenerationSettings
from mgm.text.subwords import UNKNOWN, visible_pieces

_LEAST = 1e-9
"""Added to a probability of copying before its logarithm."""


@dataclass(frozen=True)
class CopyAttention:
    """How each place of an output came to be: (B,T) the probability that it was copied, given what it says, and (B,T,L) where to
    the copying attention went."""

    copied: Tensor
    attention: Tensor


@dataclass(frozen=True)
class DecoderState:
    """What a search keeps: of what was read, by document (read of each layer, the copying keys), and of what is written, by
    output (B*K rows)."""

    memory: Memory
    read: list[KVCache]
    copy_key_BLD: Tensor
    written: list[KVCache]
    place: int = 0

    def select(self, documents: Tensor, rows: Tensor) -> "DecoderState":
        """Of some documents and some of their outputs."""
        return DecoderState(
            self.memory.rows(documents),
            [keys.select(documents) for keys in self.read],
            self.copy_key_BLD[documents],
            [keys.select(rows) for keys in self.written],
            self.place,
        )

    def reordered(self, rows: Tensor) -> "DecoderState":
        """Of the same documents other outputs."""
        return DecoderState(
            self.memory, self.read, self.copy_key_BLD, [k.select(rows) for k in self.written], self.place
        )


class PointerGeneratorDecoder(nn.Module):
    """The decoder of all generation tasks; a task's own is the vector that its outputs begin with.

    A piece's probability is g * p(written) + (1 - g) * p(copied), the latter the attention that goes to its places in the text;
    g is the decoder's own choice. `pieces`: what the ids of subwords spell.
    """

    forbidden_ids: Tensor
    shows: Tensor

    def __init__(self, settings: GenerationSettings, word_width: int, pieces: Sequence[str]) -> None:
        super().__init__()
        self.settings, width = settings, settings.width
        self.pieces = nn.Embedding(len(pieces), width)
        nn.init.normal_(self.pieces.weight, std=width**-0.5)
        self.reader = Reader(settings, word_width)
        self.layers = nn.ModuleList(DecoderLayer(settings) for _ in range(settings.decoder_layers))
        self.normalise = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(len(pieces)))
        self.copy_query = nn.Linear(width, width)
        self.copy_key = nn.Linear(width, width)
        self.gate = nn.Linear(2 * width, 1)
        self.dropout = nn.Dropout(settings.dropout)
        self.register_buffer("forbidden_ids", torch.arange(len(pieces)) == UNKNOWN, persistent=False)
        self.register_buffer("shows", torch.from_numpy(visible_pieces(pieces)), persistent=False)

    def read(self, batch: Batch, words: Words) -> Memory:
        """What it looks at."""
        memory: Memory = self.reader(batch, words, self.pieces)
        return memory

    def teacher_forced_log_probs(self, memory: Memory, start_D: Tensor, target_BT: Tensor) -> Tensor:
        """(B,T,2) of each place of targets (cut at the longest output): the log-probability of its subword, and the mean
        over all pieces of the log-probability to write them; 0 where the target has none."""
        target_BT = target_BT[:, : self.settings.max_length]
        known = target_BT != NO_LABEL
        if not known.any():  # of nothing, and still made of what was read
            return memory.items_BMD.new_zeros(*known.shape, 2) + 0.0 * memory.items_BMD.sum()
        state, attention, gate = self._whole(memory, start_D, target_BT)
        logits = F.linear(state[known], self.pieces.weight, self.bias).float()
        target = target_BT[known]
        own = -F.cross_entropy(logits, target, reduction="none")
        total = logits.gather(1, target[:, None])[:, 0] - own
        same_BTL = (target_BT[:, :, None] == memory.subword_BL[:, None]) & memory.spelt_BL[:, None]
        copied = (attention * same_BTL).sum(2)[known].float()
        gate = gate[known].float()
        mixed = torch.logaddexp(F.logsigmoid(gate) + own, F.logsigmoid(-gate) + (copied + _LEAST).log())
        pair = torch.stack([mixed, logits.mean(1) - total], dim=1)
        return pair.new_zeros(*known.shape, 2).masked_scatter(known[:, :, None], pair)

    def copy_attention(self, memory: Memory, start_D: Tensor, written_BT: Tensor) -> CopyAttention:
        """How outputs that are given came to be; NO_LABEL behind their ends."""
        state, attention, gate = self._whole(memory, start_D, written_BT)
        own = F.linear(state, self.pieces.weight, self.bias).softmax(2)
        own = gate.sigmoid() * own.gather(2, written_BT.clamp(min=0)[:, :, None])[:, :, 0]
        same_BTL = (written_BT[:, :, None] == memory.subword_BL[:, None]) & memory.spelt_BL[:, None]
        copied = (-gate).sigmoid() * (attention * same_BTL).sum(2)
        return CopyAttention(copied / (own + copied).clamp(min=_LEAST), attention)

    def begin(self, memory: Memory) -> DecoderState:
        """Before the first place."""
        read = [self._layer(i).cross_attention.keys(memory.items_BMD) for i in range(len(self.layers))]
        return DecoderState(memory, read, self.copy_key(self._spelt(memory)), [])

    def step(self, past: DecoderState, item_BKD: Tensor) -> tuple[Tensor, DecoderState]:
        """(B,K,V) log-probabilities of the next subword after `item_BKD`, the vectors of what was written last."""
        state = item_BKD + sinusoidal_positions(
            torch.tensor(past.place, device=item_BKD.device), self.settings.width
        )
        written = []
        for i in range(len(self.layers)):
            before = past.written[i] if past.written else None
            state, keys = self._layer(i).step(state, before, past.read[i], past.memory.mask_BM)
            written.append(keys)
        state = self.normalise(state)
        attention, gate = self._copying(state, past.copy_key_BLD, past.memory)
        probability = F.linear(state, self.pieces.weight, self.bias).softmax(2) * gate.sigmoid()[..., None]
        place = past.memory.subword_BL[:, None].expand_as(attention)
        probability = probability.scatter_add(2, place, attention * (-gate).sigmoid()[..., None])
        log = (probability + _LEAST).log()
        return log, DecoderState(past.memory, past.read, past.copy_key_BLD, written, past.place + 1)

    def items(self, ids: Tensor) -> Tensor:
        """The vectors of subwords as input: (..., D)."""
        found: Tensor = self.pieces(ids) * math.sqrt(self.settings.width)
        return found

    def _whole(self, memory: Memory, start_D: Tensor, target_BT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B,T,D) states, (B,T,L) copying attention and (B,T) gates of the places of outputs."""
        before = self.items(target_BT[:, :-1].clamp(min=0))
        items = torch.cat([start_D.expand(target_BT.shape[0], 1, -1), before], dim=1)
        items = items + sinusoidal_positions(
            torch.arange(target_BT.shape[1], device=items.device), self.settings.width
        )
        state = self.dropout(items)
        for i in range(len(self.layers)):
            layer = self._layer(i)
            state = layer(state, layer.cross_attention.keys(memory.items_BMD), memory.mask_BM)
        state = self.normalise(state)
        return state, *self._copying(state, self.copy_key(self._spelt(memory)), memory)

    def _copying(self, state_BQD: Tensor, key_BLD: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """(B,Q,L) attention to the subwords read, and (B,Q) the logit of writing rather than copying."""
        score = self.copy_query(state_BQD) @ key_BLD.transpose(1, 2) / math.sqrt(self.settings.width)
        attention = score.float().masked_fill(~memory.spelt_BL[:, None], -math.inf).softmax(2)
        context = attention.to(state_BQD.dtype) @ self._spelt(memory)
        return attention, self.gate(torch.cat([state_BQD, context], dim=2))[..., 0]

    def _spelt(self, memory: Memory) -> Tensor:
        return memory.items_BMD[:, : memory.subword_BL.shape[1]]

    def _layer(self, number: int) -> DecoderLayer:
        layer = self.layers[number]
        assert isinstance(layer, DecoderLayer)
        return layer
