"""The encoder: all granularities of the text, from characters to the document, each of which reads those below it.

Axes: B documents, N words, T distinct words, D width of a word.
"""

from functools import reduce
from operator import add
from typing import TypeVar

import torch
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.dropout import Dropout
from mgm.model.granularity import (
    GRANULARITIES,
    EncoderState,
    Granularity,
    ProjectingLevel,
    TokenTypeStates,
    TypeGranularity,
)
from mgm.model.granularity.level import word_vectors
from mgm.model.granularity.token_selection import SelectionName, TokenSelection
from mgm.model.ragged import Words
from mgm.settings.model import ModelSettings

L = TypeVar("L", bound=Granularity)


class Encoder(nn.Module):
    """The enabled granularities, each with a pooled vector a document, and the vectors of words.

    A level that is off passes the mean of its inputs up. A word's vector is the sum of those of the enabled granularities
    (character, word); with both off it is a word vector that only the levels above see.

    Attributes:
        widths: the width of each pooled vector, by its name.
        word_widths: the widths of the parts of a word's vector, by the names of the granularities that compute them.
        word_width: their sum; 0: no granularity computes a vector a word.
    """

    def __init__(
        self, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int = 0
    ) -> None:
        """Make the granularities that the settings enable; `encoder_width`: the width of a pretrained encoder's vectors.

        Raises:
            ValueError: all are off.
        """
        super().__init__()
        self.settings = settings
        built = {
            name: kind.build(
                settings,
                vocabulary_size=vocabulary_size,
                ngram_buckets=ngram_buckets,
                encoder_width=encoder_width,
            )
            for name, kind in GRANULARITIES.items()
        }
        self.granularities = nn.ModuleDict(
            {name: level for name, level in built.items() if level is not None}
        )
        self.dropout = Dropout(settings.dropout)
        self.widths = {name: width for level in self.levels for name, width in level.widths.items()}
        if not self.widths:
            raise ValueError(
                "model: every granularity is off; enable at least one, for example model.word.enabled"
            )
        of_types = [level.name for level in self.type_levels if level.widths]
        self.word_widths = {"+".join(of_types): settings.width} if of_types else {}
        self.word_widths |= {name: w for level in self.levels for name, w in level.word_widths.items()}
        self.word_width = sum(self.word_widths.values())
        selections = {getattr(level, "selection", "all") for level in self.levels if level.widths}
        self.selections: list[SelectionName] = ["all", "content"] if "content" in selections else ["all"]

    @property
    def levels(self) -> list[Granularity]:
        """The enabled granularities, from the bottom up."""
        return [level for level in self.granularities.values() if isinstance(level, Granularity)]

    @property
    def projecting_levels(self) -> list[ProjectingLevel]:
        """The levels that multiply each distinct word once, from the bottom up."""
        return [level for granularity in self.levels for level in granularity.projecting_levels]

    @property
    def type_levels(self) -> list[TypeGranularity]:
        """The levels whose sum is a word's vector."""
        return [level for level in self.levels if isinstance(level, TypeGranularity)]

    def level(self, kind: type[L]) -> L | None:
        """Return the granularity of this class; None: it is off."""
        return next((level for level in self.levels if isinstance(level, kind)), None)

    def forward(
        self,
        batch: Batch,
        *,
        word_dropout: float = 0.0,
        with_words: bool = True,
        types: TokenTypeStates | None = None,
    ) -> tuple[dict[str, Tensor], Words | None]:
        """Return the pooled vectors (B, width) by name, and the vectors (N, word_width) of all words, by sentence.

        Args:
            batch: documents.
            word_dropout: the probability that a word counts as unknown.
            with_words: whether to compute the vectors of words.
            types: the states of the batch's distinct words, where they are known.
        """
        types = self.types(batch, word_dropout) if types is None else types
        word_N = types.words(batch)
        state = EncoderState(
            batch=batch,
            types=types,
            selections={name: TokenSelection.of(batch, name, word_N=word_N) for name in self.selections},
            projections=dict(zip(self.projecting_levels, types.projections, strict=True)),
            with_words=with_words,
            with_lead="lead" in self.widths,
        )
        if with_words and any(level.widths for level in self.type_levels):
            state.word_parts.append(word_vectors(state))
        for level in self.levels:
            level.extend(state)
        if not state.word_parts:
            return state.pooled, None
        words_ND = torch.cat(state.word_parts, dim=1)
        return state.pooled, Words(words_ND, batch.sentence_length, batch.sentences_per_document)

    def types(self, batch: Batch, word_dropout: float = 0.0) -> TokenTypeStates:
        """Return the states of the batch's distinct words."""
        vectors = self.word_vectors(batch, word_dropout)
        whole_TD = reduce(add, vectors.values())
        dropped_TD = self.dropout(whole_TD)
        projections = [level.projections(dropped_TD) for level in self.projecting_levels]
        return TokenTypeStates(vectors, whole_TD, dropped_TD, projections)

    def word_vectors(self, batch: Batch, word_dropout: float) -> dict[str, Tensor]:
        """Return the vectors (T,D) of the distinct words, by the name of the granularity that computes them."""
        return {level.name: level(batch, word_dropout) for level in self.type_levels}
