"""A decoder that generates subwords, or copies those of the source.

Axes: B documents, K outputs (beams) of a document, T positions of an output, L subwords of the source, M items of the source,
V pieces, D width. Source of copying: See et al. 2017, arXiv:1704.04368 (pointer-generator).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.dropout import Dropout
from mgm.model.generation.decoder_state import DecoderState
from mgm.model.generation.layers import DecoderLayer, LiveOutputs, sinusoidal_positions
from mgm.model.generation.next_pieces import Copying, NextPieces
from mgm.model.generation.source_memory import Memory, SourceEncoder
from mgm.model.ragged import Words
from mgm.settings.model import GenerationSettings
from mgm.text.subwords import UNKNOWN, visible_pieces

_EPSILON = 1e-9
"""Added to a probability before its logarithm."""


@dataclass(frozen=True)
class CopyAttention:
    """The copying attention at each position of given outputs.

    Attributes:
        copy_probability: (B,T) the probability that the subword was copied rather than generated, given the subword.
        attention: (B,T,L) the copying attention to the source's subwords.
    """

    copy_probability: Tensor
    attention: Tensor


class PointerGeneratorDecoder(nn.Module):
    """The decoder that all tasks that generate text share; only the vector that outputs begin with is specific to a task.

    The probability of a subword is g * p(generated) + (1 - g) * p(copied), where p(copied) is the attention to its positions in
    the source, and the gate g is computed from the hidden state.
    """

    forbidden_ids: Tensor
    visible_ids: Tensor

    def __init__(self, settings: GenerationSettings, word_width: int, *, pieces: Sequence[str]) -> None:
        """Make the decoder for words of width `word_width` and the `pieces` that subword ids stand for."""
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
        self.dropout = Dropout(settings.dropout)
        self.register_buffer("forbidden_ids", torch.arange(len(pieces)) == UNKNOWN, persistent=False)
        self.register_buffer("visible_ids", torch.from_numpy(visible_pieces(pieces)), persistent=False)

    def encode_source(self, batch: Batch, words: Words) -> Memory:
        """Return the source of each document, which the decoder attends to."""
        memory: Memory = self.source_encoder(batch, words, pieces=self.pieces)
        return memory

    def teacher_forced_log_probs(self, memory: Memory, start_D: Tensor, *, target_BT: Tensor) -> Tensor:
        """Return two log-probabilities (B,T,2) for each position of the targets; 0 where the target has no subword.

        The first is that of the target's subword; the second is the mean, over all pieces, of the log-probability of generating
        the piece. Targets are cut at the maximal length of an output.
        """
        target_BT = target_BT[:, : self.settings.max_length]
        known = target_BT != NO_LABEL
        if not known.any():  # no target, and still a function of the source, for its gradient
            return memory.items_BMD.new_zeros(*known.shape, 2) + 0.0 * memory.items_BMD.sum()
        hidden, attention, gate = self._run_all_positions(memory, start_D, target_BT=target_BT)
        logits = F.linear(hidden[known], self.pieces.weight, self.bias).float()
        target = target_BT[known]
        generated = -F.cross_entropy(logits, target, reduction="none")
        total = logits.gather(1, target[:, None])[:, 0] - generated
        same_BTL = (target_BT[:, :, None] == memory.subword_BL[:, None]) & memory.subword_mask_BL[:, None]
        copied = (attention * same_BTL).sum(2)[known].float()
        gate = gate[known].float()
        log_prob = torch.logaddexp(
            F.logsigmoid(gate) + generated, F.logsigmoid(-gate) + (copied + _EPSILON).log()
        )
        pair = torch.stack([log_prob, logits.mean(1) - total], dim=1)
        return pair.new_zeros(*known.shape, 2).masked_scatter(known[:, :, None], pair)

    def copy_attention(self, memory: Memory, start_D: Tensor, *, output_BT: Tensor) -> CopyAttention:
        """Return the copying attention at each position of outputs (B,T), which are padded with NO_LABEL."""
        hidden, attention, gate = self._run_all_positions(memory, start_D, target_BT=output_BT)
        generated = F.linear(hidden, self.pieces.weight, self.bias).softmax(2)
        generated = gate.sigmoid() * generated.gather(2, output_BT.clamp(min=0)[:, :, None])[:, :, 0]
        same_BTL = (output_BT[:, :, None] == memory.subword_BL[:, None]) & memory.subword_mask_BL[:, None]
        copied = (-gate).sigmoid() * (attention * same_BTL).sum(2)
        return CopyAttention(
            copy_probability=copied / (generated + copied).clamp(min=_EPSILON), attention=attention
        )

    def initial_state(self, memory: Memory) -> DecoderState:
        """Return the state before the first subword."""
        source_kv = [self._layer(i).cross_attention.keys(memory.items_BMD) for i in range(len(self.layers))]
        return DecoderState.begin(memory, source_kv, copy_key_BLD=self.copy_key(_subword_vectors(memory)))

    def step(
        self, state: DecoderState, input_RD: Tensor, *, live: LiveOutputs
    ) -> tuple[NextPieces, DecoderState]:
        """Return the distribution of the next subword of the live outputs, and the next state.

        Args:
            state: the state so far.
            input_RD: the vectors of the last subwords, or the vector that outputs begin with.
            live: the outputs.
        """
        position = torch.tensor(state.position, device=input_RD.device)
        hidden = input_RD + sinusoidal_positions(position, self.settings.width)
        state, masks, first = state.advance(live)
        for i in range(len(self.layers)):
            hidden = self._layer(i).step(
                hidden, state.output_kv[i], first=first, live=live, source_kv=state.source_kv[i], masks=masks
            )
        hidden = self.normalise(hidden)
        attention, gate = self._attend_for_copying(
            live.spread(hidden), state.copy_key_BLD, memory=state.memory
        )

        def of_rows(items_BL: Tensor) -> Tensor:
            return live.pack(items_BL[:, None].expand(-1, live.outputs, -1))

        copying = Copying(
            gate_R=live.pack(gate[..., None])[:, 0],
            attention_RL=live.pack(attention),
            subword_RL=of_rows(state.memory.subword_BL),
            first_RL=of_rows(state.first_BL),
        )
        return NextPieces(hidden, self.pieces.weight, self.bias, copying=copying), state

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input vectors (..., D) of subwords."""
        vectors: Tensor = self.pieces(ids) * math.sqrt(self.settings.width)
        return vectors

    def _run_all_positions(
        self, memory: Memory, start_D: Tensor, *, target_BT: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return hidden states (B,T,D), copying attention (B,T,L) and gate logits (B,T) at all positions of the targets."""
        before = self.embed(target_BT[:, :-1].clamp(min=0))
        inputs = torch.cat([start_D.expand(target_BT.shape[0], 1, -1), before], dim=1)
        inputs = inputs + sinusoidal_positions(
            torch.arange(target_BT.shape[1], device=inputs.device), self.settings.width
        )
        hidden = self.dropout(inputs)
        for i in range(len(self.layers)):
            layer = self._layer(i)
            hidden = layer(hidden, layer.cross_attention.keys(memory.items_BMD), mask_BM=memory.mask_BM)
        hidden = self.normalise(hidden)
        copy_key_BLD = self.copy_key(_subword_vectors(memory))
        return hidden, *self._attend_for_copying(hidden, copy_key_BLD, memory=memory)

    def _attend_for_copying(
        self, hidden_BQD: Tensor, key_BLD: Tensor, *, memory: Memory
    ) -> tuple[Tensor, Tensor]:
        """Return the attention (B,Q,L) to the source's subwords, and the logit (B,Q) of generating rather than copying."""
        score = self.copy_query(hidden_BQD) @ key_BLD.transpose(1, 2) / math.sqrt(self.settings.width)
        attention = score.float().masked_fill(~memory.subword_mask_BL[:, None], -math.inf).softmax(2)
        context = attention.to(hidden_BQD.dtype) @ _subword_vectors(memory)
        return attention, self.gate(torch.cat([hidden_BQD, context], dim=2))[..., 0]

    def _layer(self, number: int) -> DecoderLayer:
        layer = self.layers[number]
        assert isinstance(layer, DecoderLayer)
        return layer


def _subword_vectors(memory: Memory) -> Tensor:
    """Return the vectors (B,L,D) of the source's subwords."""
    return memory.items_BMD[:, : memory.subword_BL.shape[1]]
