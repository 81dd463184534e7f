"""A plain Transformer encoder-decoder over subwords, without copying and without anything of mgm's encoder, as a peer of
generation tasks. It has mgm's decoder layers, pieces, batches, steps and search, so that what differs is the model.

Axes: B documents, T places of an output, L subwords read, V pieces, D width. Source: Vaswani et al. 2017, arXiv:1706.03762.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import NO_LABEL, Batch
from mgm.model.generation.beam_search import BeamOutput, beam_search
from mgm.model.generation.decoder_state import DecoderState
from mgm.model.generation.layers import DecoderLayer, EncoderLayer, LiveOutputs, sinusoidal_positions
from mgm.model.generation.next_pieces import NextPieces
from mgm.model.generation.source_memory import Memory, select_source_subwords
from mgm.model.ragged import Ragged
from mgm.settings.model import GenerationSettings
from mgm.text.subwords import UNKNOWN, visible_pieces


class Transformer(nn.Module):
    """One for all tasks; a task's outputs begin with a vector of its own."""

    forbidden_ids: Tensor
    visible_ids: Tensor

    def __init__(self, settings: GenerationSettings, tasks: list[str], pieces: list[str]) -> None:
        super().__init__()
        self.settings, width = settings, settings.width
        self.pieces = nn.Embedding(len(pieces), width)
        nn.init.normal_(self.pieces.weight, std=width**-0.5)
        self.reading = nn.ModuleList(EncoderLayer(settings) for _ in range(settings.encoder_layers))
        self.layers = nn.ModuleList(DecoderLayer(settings) for _ in range(settings.decoder_layers))
        self.normalise = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(len(pieces)))
        self.dropout = nn.Dropout(settings.dropout)
        self.tasks = tasks
        self.starts = nn.Parameter(torch.randn(len(tasks), width))
        self.register_buffer("forbidden_ids", torch.arange(len(pieces)) == UNKNOWN, persistent=False)
        self.register_buffer("visible_ids", torch.from_numpy(visible_pieces(pieces)), persistent=False)

    def encode_source(self, batch: Batch) -> Memory:
        """The subwords of each document, through self-attention."""
        subwords = select_source_subwords(batch, self.settings.max_source_subwords)
        vectors = self.embed(subwords.id.values) + sinusoidal_positions(
            subwords.id.position, self.settings.width
        )
        items, mask = Ragged(vectors, subwords.id.length).pad()
        items = self.dropout(items)
        for layer in self.reading:
            items = layer(items, mask)
        ids = subwords.id.pad()[0]
        return Memory(
            items_BMD=self.normalise[0](items),
            mask_BM=mask,
            subword_BL=ids,
            word_BL=ids,
            truncated_B=subwords.truncated,
        )

    def loss(self, batch: Batch, smoothing: float) -> Tensor:
        """The mean cross-entropy a subword, smoothed, summed over the tasks of a batch."""
        memory, total = self.encode_source(batch), self.bias.new_zeros(())
        for task, target in batch.targets.items():
            target_BT = target[:, : self.settings.max_length]
            known = target_BT != NO_LABEL
            start = self.starts[self.tasks.index(task)].expand(batch.size, 1, -1)
            items = torch.cat([start, self.embed(target_BT[:, :-1].clamp(min=0))], dim=1)
            state = self.dropout(
                items + sinusoidal_positions(torch.arange(target_BT.shape[1]), self.settings.width)
            )
            for layer in self.layers:
                state = layer(state, layer.cross_attention.keys(memory.items_BMD), mask_BM=memory.mask_BM)
            logits = F.linear(self.normalise[1](state)[known], self.pieces.weight, self.bias)
            total = total + F.cross_entropy(logits.float(), target_BT[known], label_smoothing=smoothing)
        return total

    def write(self, batch: Batch, task: str, beam: int) -> BeamOutput:
        """The outputs of a task."""
        start_D = self.starts[self.tasks.index(task)]
        return beam_search(self, self.encode_source(batch), start_D=start_D, beam_size=beam)  # type: ignore[arg-type]

    def initial_state(self, memory: Memory) -> DecoderState:
        source_kv = [layer.cross_attention.keys(memory.items_BMD) for layer in self.layers]
        return DecoderState.begin(memory, source_kv, copy_key_BLD=memory.items_BMD)

    def step(
        self, state: DecoderState, input_RD: Tensor, *, live: LiveOutputs
    ) -> tuple[NextPieces, DecoderState]:
        """The distribution of the next subword of the live outputs, and the next state."""
        hidden = input_RD + sinusoidal_positions(torch.tensor(state.position), self.settings.width)
        state, masks, first = state.advance(live)
        for i, layer in enumerate(self.layers):
            hidden = layer.step(
                hidden, state.output_kv[i], first=first, live=live, source_kv=state.source_kv[i], masks=masks
            )
        return NextPieces(self.normalise[1](hidden), self.pieces.weight, self.bias), state

    def embed(self, ids: Tensor) -> Tensor:
        """The vectors of subwords as input."""
        return self.pieces(ids) * math.sqrt(self.settings.width)
