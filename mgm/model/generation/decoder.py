"""A decoder that generates subwords, or copies those of the source.

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
from mgm.model.generation.source_memory import Memory, SourceEncoder
from mgm.model.ragged import Words
from mgm.settings.model import GenerationSettings
from mgm.text.subwords import UNKNOWN, visible_pieces

_LEAST = 1e-9
"""Added to a probability before its logarithm."""


@dataclass(frozen=True)
class CopyAttention:
    """How each place of an output came to be.

    Attributes:
        copied: (B,T) the probability that its subword was copied, given that subword.
        attention: (B,T,L) the copying attention to the source's subwords.
    """

    copied: Tensor
    attention: Tensor


@dataclass(frozen=True)
class DecoderState:
    """What a search keeps from step to step.

    Attributes:
        memory: the source.
        read: the source's keys of each layer, by document.
        copy_key_BLD: the source's keys of copying.
        written: the outputs' keys of each layer, by output (B*K rows).
        place: the number of subwords of each output.
    """

    memory: Memory
    read: list[KVCache]
    copy_key_BLD: Tensor
    written: list[KVCache]
    place: int = 0

    def select(self, documents: Tensor, rows: Tensor) -> "DecoderState":
        """Return the state of some documents and some of their outputs."""
        return DecoderState(
            self.memory.rows(documents),
            [keys.select(documents) for keys in self.read],
            self.copy_key_BLD[documents],
            [keys.select(rows) for keys in self.written],
            self.place,
        )

    def reordered(self, rows: Tensor) -> "DecoderState":
        """Return the state of other outputs of the same documents."""
        return DecoderState(
            self.memory, self.read, self.copy_key_BLD, [k.select(rows) for k in self.written], self.place
        )


class PointerGeneratorDecoder(nn.Module):
    """The decoder of all tasks that generate text; of one task is only the vector that its outputs begin with.

    A subword's probability is g * p(generated) + (1 - g) * p(copied), the latter the attention that goes to its places in the
    source; the gate g is computed from the state.
    """

    forbidden_ids: Tensor
    shows: Tensor

    def __init__(self, settings: GenerationSettings, word_width: int, pieces: Sequence[str]) -> None:
        """Make the decoder for words of a width and the pieces that subword ids stand for."""
        super().__init__()
        self.settings, width = settings, settings.width
        self.pieces = nn.Embedding(len(pieces), width)
        nn.init.normal_(self.pieces.weight, std=width**-0.5)
        self.source_encoder = SourceEncoder(settings, word_width)
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
        """Return the source that the decoder attends to."""
        memory: Memory = self.source_encoder(batch, words, self.pieces)
        return memory

    def teacher_forced_log_probs(self, memory: Memory, start_D: Tensor, target_BT: Tensor) -> Tensor:
        """Return (B,T,2), of each place of the targets; 0 where the target has no subword.

        They are the log-probability of its subword, and the mean over all pieces of the log-probability to generate them.
        Targets are cut at the longest output.
        """
        target_BT = target_BT[:, : self.settings.max_length]
        known = target_BT != NO_LABEL
        if not known.any():  # no target, and still a function of the source, for its gradient
            return memory.items_BMD.new_zeros(*known.shape, 2) + 0.0 * memory.items_BMD.sum()
        state, attention, gate = self._whole(memory, start_D, target_BT)
        logits = F.linear(state[known], self.pieces.weight, self.bias).float()
        target = target_BT[known]
        generated = -F.cross_entropy(logits, target, reduction="none")
        total = logits.gather(1, target[:, None])[:, 0] - generated
        same_BTL = (target_BT[:, :, None] == memory.subword_BL[:, None]) & memory.spelt_BL[:, None]
        copied = (attention * same_BTL).sum(2)[known].float()
        gate = gate[known].float()
        log_prob = torch.logaddexp(
            F.logsigmoid(gate) + generated, F.logsigmoid(-gate) + (copied + _LEAST).log()
        )
        pair = torch.stack([log_prob, logits.mean(1) - total], dim=1)
        return pair.new_zeros(*known.shape, 2).masked_scatter(known[:, :, None], pair)

    def copy_attention(self, memory: Memory, start_D: Tensor, written_BT: Tensor) -> CopyAttention:
        """Return how outputs `written_BT` came to be, which have NO_LABEL behind their ends."""
        state, attention, gate = self._whole(memory, start_D, written_BT)
        generated = F.linear(state, self.pieces.weight, self.bias).softmax(2)
        generated = gate.sigmoid() * generated.gather(2, written_BT.clamp(min=0)[:, :, None])[:, :, 0]
        same_BTL = (written_BT[:, :, None] == memory.subword_BL[:, None]) & memory.spelt_BL[:, None]
        copied = (-gate).sigmoid() * (attention * same_BTL).sum(2)
        return CopyAttention(copied / (generated + copied).clamp(min=_LEAST), attention)

    def begin(self, memory: Memory) -> DecoderState:
        """Return the state before the first place."""
        read = [self._layer(i).cross_attention.keys(memory.items_BMD) for i in range(len(self.layers))]
        return DecoderState(memory, read, self.copy_key(self._spelt(memory)), [])

    def step(self, past: DecoderState, item_BKD: Tensor) -> tuple[Tensor, DecoderState]:
        """Return log-probabilities (B,K,V) of the next subword after `item_BKD`, the vectors of the last ones, and the new state."""
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
        """Return the vectors (..., D) of subwords as input."""
        vectors: Tensor = self.pieces(ids) * math.sqrt(self.settings.width)
        return vectors

    def _whole(self, memory: Memory, start_D: Tensor, target_BT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return states (B,T,D), copying attention (B,T,L) and gates (B,T) of the places of outputs."""
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
        """Return the attention (B,Q,L) to the source's subwords, and the logit (B,Q) of generating rather than copying."""
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
