"""A recurrent encoder over each sentence's words: h_t = RNN(w_t, h_{t-1}), in both directions.

Axes: S sentences, M words read, T distinct words, D width of a word, H width of one direction.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.granularity.level import EncoderState, Granularity, ProjectingLevel
from mgm.model.granularity.token_selection import SelectionName, TokenSelection
from mgm.model.ragged import Ragged
from mgm.model.recurrent import gru, lstm
from mgm.settings.model import ModelSettings

RECURRENCE = {"gru": (gru, 3), "lstm": (lstm, 4)}
"""The recurrence of each cell, and the number of blocks of the state's width that it reads of a word."""


class Sentence(Granularity, ProjectingLevel):
    """A bidirectional GRU or LSTM, whose maximum is the sentence's vector. `width` is that of both directions."""

    rows_per_word, padding_rows = 1, 0

    def __init__(
        self,
        input_width: int,
        width: int,
        *,
        cell: Literal["gru", "lstm"] = "gru",
        selection: SelectionName = "all",
    ) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(
                f"model.sentence.width: {width}: expected an even number, half for each direction"
            )
        self.widths = self.word_widths = {"sentence": width}
        self.selection = selection
        hidden = width // 2
        self.recur, blocks = RECURRENCE[cell]
        self.inputs = nn.Linear(input_width, 2 * blocks * hidden)
        self.recurrent = nn.Parameter(torch.stack([_orthogonal(hidden, blocks) for _ in range(2)]))
        if cell == "lstm":  # a cell that forgets at first learns nothing from afar: Jozefowicz et al. 2015
            with torch.no_grad():
                self.inputs.bias.view(2, blocks, hidden)[:, 1] += 1

    @classmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""
        sentence = settings.sentence
        if not sentence.enabled:
            return None
        return cls(settings.width, sentence.width, cell=sentence.cell, selection=sentence.words)

    @property
    def projecting_levels(self) -> Sequence[ProjectingLevel]:
        """Itself."""
        return [self]

    def extend(self, state: EncoderState) -> None:
        """Add the states of words, and the vectors of sentences and documents."""
        read = partial(self.read, state.projections[self])
        states = state.read_words(read, self.selection, activation=nn.Identity())
        state.sentence_level = states.max_pool()
        documents = Ragged(state.sentence_level, state.batch.sentences_per_document)
        state.pooled["sentence"] = documents.max_pool()

    def forward(self, types_TD: Tensor, reading: TokenSelection) -> Ragged:
        """Return the states (M, width), by sentence."""
        return self.read(self.projections(types_TD), reading)

    def projections(self, types_TD: Tensor) -> Tensor:
        """Return (T, gates of both directions), the share of each distinct word in the gates where it stands."""
        product: Tensor = self.inputs(types_TD)
        return product

    @torch.no_grad()
    def write_projections(self, types_TD: Tensor, out: Tensor) -> None:
        """Write the projections of words into `out` (T, gates of both directions)."""
        torch.addmm(self.inputs.bias, types_TD, self.inputs.weight.T, out=out)

    def read(self, projections: Tensor, reading: TokenSelection) -> Ragged:
        """Return the result of `forward`, given the words' projections."""
        words, layout = reading.sentences, reading.sentences.time_major
        forward, backward = projections.chunk(2, dim=1)
        gates = torch.stack(
            [
                F.embedding(words.values[layout.item], forward),
                F.embedding(words.values[layout.item_reversed], backward),
            ]
        )
        states = self.recur(gates, self.recurrent, steps=layout.steps)
        flat = [F.embedding(layout.slot, states[0]), F.embedding(layout.slot_reversed, states[1])]
        return Ragged(torch.cat(flat, dim=1), words.length)


def _orthogonal(width: int, blocks: int) -> Tensor:
    return torch.cat([nn.init.orthogonal_(torch.empty(width, width)) for _ in range(blocks)], dim=1)
