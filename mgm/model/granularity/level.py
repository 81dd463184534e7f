"""The interface of a granularity to the encoder, and the state that granularities pass on.

Axes: B documents, P paragraphs, S sentences, N words, M words read, T distinct words, D width of a word.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.granularity.token_selection import SelectionName, TokenSelection
from mgm.model.ragged import Ragged, gather_mean
from mgm.settings.model import ModelSettings


@dataclass(frozen=True)
class TokenTypeStates:
    """The encoder's states of T distinct words, independent of documents.

    `vectors` (T,D): by granularity; `whole_TD`: their sum; `dropped_TD`: their sum, after dropout; `projections`: each word's
    products with the weights of the levels that read words in order, as `Encoder.projecting_levels` lists them; `row`: the row
    of each of the batch's distinct words in these, None: the rows are the batch's words, in its order.
    """

    vectors: dict[str, Tensor]
    whole_TD: Tensor
    dropped_TD: Tensor
    projections: list[Tensor]
    row: Tensor | None = None

    def words(self, batch: Batch) -> Tensor:
        """Return the row (N,) of each of the batch's words in these states."""
        return batch.word if self.row is None else self.row[batch.word]


@dataclass
class EncoderState:
    """The results of the granularities so far for a batch, from the bottom up."""

    batch: Batch
    types: TokenTypeStates
    selections: dict[SelectionName, TokenSelection]
    projections: dict[nn.Module, Tensor]
    """The projections of `types`, by the level that reads them."""
    with_words: bool
    """Whether to compute vectors of words beside those of documents."""
    pooled: dict[str, Tensor] = field(default_factory=dict)
    """(B, width) by granularity."""
    word_parts: list[Tensor] = field(default_factory=list)
    """(N, width) each; side by side they are the words' vectors."""
    with_lead: bool = False
    """Whether the lead's maxima of windows are wanted."""
    lead_windows: list[Tensor] = field(default_factory=list)
    """(B, width) the maxima of each window over the lead's words."""
    sentence_level: Tensor | None = None
    paragraph_level: Ragged | None = None

    def read_words(
        self,
        level: Callable[[TokenSelection], Ragged],
        selection: SelectionName,
        *,
        activation: Callable[[Tensor], Tensor],
    ) -> Ragged:
        """Return a level's states of the selected words; where words' vectors are wanted, keep those of all words."""
        states = level(self.selections[selection])
        if self.with_words:
            of_all = states if selection == "all" else level(self.selections["all"])
            self.word_parts.append(activation(of_all.values))
        return states

    @property
    def sentences(self) -> Tensor:
        """(S,D) vectors of sentences: those of the sentence level, or the mean of their words."""
        if self.sentence_level is not None:
            return self.sentence_level
        return gather_mean(self.types.dropped_TD, self.selections["all"].sentences)

    @property
    def paragraphs(self) -> Ragged:
        """(P,D) vectors of paragraphs by document: those of the paragraph level, or the mean of their sentences."""
        if self.paragraph_level is not None:
            return self.paragraph_level
        mean = Ragged(self.sentences, self.batch.paragraph_length).mean_pool()
        return Ragged(mean, self.batch.document_length)


class ProjectingLevel(nn.Module, ABC):
    """A level that multiplies each distinct word once, and sums these projections where the words stand."""

    rows_per_word: int
    """Rows of the projections of a word."""
    padding_rows: int
    """The number of rows after those of all words."""

    @abstractmethod
    def projections(self, types_TD: Tensor) -> Tensor:
        """Return the projections (T * rows_per_word + padding_rows, ...) of distinct words."""

    @abstractmethod
    def write_projections(self, types_TD: Tensor, out: Tensor) -> None:
        """Write the projections of distinct words, without the padding, into `out` (T * rows_per_word, ...)."""

    @abstractmethod
    def read(self, projections: Tensor, reading: TokenSelection) -> Ragged:
        """Return the states (M, width) of the words read, by document or by sentence."""


class Granularity(nn.Module, ABC):
    """A granularity of the text: it turns the states below it into a vector a document, and perhaps one a word.

    Attributes:
        widths: the widths of the pooled vectors that it gives, by their names.
        word_widths: the widths of the parts that it adds to the vectors of words, by their names.
    """

    widths: dict[str, int]
    word_widths: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self.widths, self.word_widths = {}, {}

    @classmethod
    @abstractmethod
    def build(
        cls, settings: ModelSettings, *, vocabulary_size: int, ngram_buckets: int, encoder_width: int
    ) -> Self | None:
        """Return the granularity that the settings describe; None: it is off."""

    @property
    def projecting_levels(self) -> Sequence[ProjectingLevel]:
        """Its levels that read projections of words."""
        return ()

    @abstractmethod
    def extend(self, state: EncoderState) -> None:
        """Add the results of this granularity to `state`."""


class TypeGranularity(Granularity):
    """A granularity that computes a vector of each distinct word, independent of its context.

    A word's vector is the sum of these. One that `build` returns with no `widths` is read by the levels above alone.
    """

    name: str
    selection: SelectionName = "all"
    """The words whose mean is the document's vector."""

    @abstractmethod
    def forward(self, batch: Batch, word_dropout: float = 0.0) -> Tensor:
        """Return (T,D); `word_dropout`: the probability that a word counts as unknown in this batch."""

    def extend(self, state: EncoderState) -> None:
        """Pool the vectors of each document's words."""
        if self.name in self.widths:
            words = state.selections[self.selection].documents
            state.pooled[self.name] = gather_mean(state.types.vectors[self.name], words)


def word_vectors(state: EncoderState) -> Tensor:
    """Return (N,D) the sum of the vectors of each word, after dropout."""
    return F.embedding(state.selections["all"].sentences.values, state.types.dropped_TD)
