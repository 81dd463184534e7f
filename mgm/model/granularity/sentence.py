"""A recurrent encoder over each sentence's words: h_t = RNN(w_t, h_{t-1}), in both directions.

Axes: S sentences, M words read, T distinct words, D width of a word, H width of one direction.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.ragged import Ragged
from mgm.model.recurrent import gru, lstm

RECURRENCE = {"gru": (gru, 3), "lstm": (lstm, 4)}
"""Of each cell, the recurrence and how many blocks of the state's width it reads a word."""


class Sentence(nn.Module):
    """A bidirectional GRU or LSTM, whose maximum is the sentence's vector. `width` is that of both directions."""

    rows_per_word, padding_rows = 1, 0
    """Of its projections."""

    def __init__(self, input_width: int, width: int, cell: Literal["gru", "lstm"] = "gru") -> None:
        super().__init__()
        if width % 2:
            raise ValueError(
                f"model.sentence.width: {width}: expected an even number, half for each direction"
            )
        hidden = width // 2
        self.recur, blocks = RECURRENCE[cell]
        self.inputs = nn.Linear(input_width, 2 * blocks * hidden)
        self.recurrent = nn.Parameter(torch.stack([_orthogonal(hidden, blocks) for _ in range(2)]))
        if cell == "lstm":  # a cell that forgets at first learns nothing from afar: Jozefowicz et al. 2015
            with torch.no_grad():
                self.inputs.bias.view(2, blocks, hidden)[:, 1] += 1

    def forward(self, types_TD: Tensor, reading: TokenSelection) -> Ragged:
        """(M, width) states by sentence."""
        return self.read(self.projections(types_TD), reading)

    def projections(self, types_TD: Tensor) -> Tensor:
        """(T, gates of both directions) the share of each distinct word in the gates where it stands."""
        product: Tensor = self.inputs(types_TD)
        return product

    @torch.no_grad()
    def write_projections(self, types_TD: Tensor, projections: Tensor) -> None:
        """Writes them into (T, gates), for predictions."""
        torch.addmm(self.inputs.bias, types_TD, self.inputs.weight.T, out=projections)

    def read(self, projections: Tensor, reading: TokenSelection) -> Ragged:
        """As `forward`, of the words' projections."""
        words, layout = reading.sentences, reading.sentences.time_major
        forward, backward = projections.chunk(2, dim=1)
        gates = torch.stack(
            [
                F.embedding(words.values[layout.item], forward),
                F.embedding(words.values[layout.item_reversed], backward),
            ]
        )
        states = self.recur(gates, self.recurrent, layout.steps)
        flat = [F.embedding(layout.slot, states[0]), F.embedding(layout.slot_reversed, states[1])]
        return Ragged(torch.cat(flat, dim=1), words.length)


def _orthogonal(width: int, blocks: int) -> Tensor:
    return torch.cat([nn.init.orthogonal_(torch.empty(width, width)) for _ in range(blocks)], dim=1)
