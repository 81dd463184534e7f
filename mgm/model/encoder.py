"""All granularities of the text, from its characters to the document, each reading what is below it.

Axes: B documents, P paragraphs, S sentences, N words, T distinct words, D width of a word.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mgm.model.batch import Batch
from mgm.model.granularity.character import Character
from mgm.model.granularity.document import Document
from mgm.model.granularity.lead import Lead
from mgm.model.granularity.paragraph import Paragraph
from mgm.model.granularity.sentence import Sentence
from mgm.model.granularity.token_selection import TokenSelection
from mgm.model.granularity.token_selection import Words as Reads
from mgm.model.granularity.window import Window
from mgm.model.granularity.word import Word
from mgm.model.ragged import Ragged, Words, gather_mean
from mgm.settings.model import ModelSettings


@dataclass(frozen=True)
class TokenTypeStates:
    """What the encoder makes of the T distinct words, whatever documents they stand in."""

    vectors: dict[str, Tensor]
    """(T,D) of each kind."""
    whole_TD: Tensor
    """Their sum."""
    dropped_TD: Tensor
    """Their sum, after dropout."""
    projections: list[Tensor]
    """What each word gives to the levels that read it in its order: `Encoder.projecting_levels`."""
    row: Tensor | None = None
    """Where each of the batch's words stands in these; None: they are the batch's, in its order."""

    def words(self, batch: Batch) -> Tensor:
        """(N,) where each of the batch's words stands in these."""
        return batch.word if self.row is None else self.row[batch.word]


class Encoder(nn.Module):
    """The enabled granularities: a pooled vector a document of each, and a vector a word for tagging.

    `widths` gives each pooled vector's width, `word_width` that of the words' vectors (0: none has any). A
    level that is off hands up the mean of what it would have read. Words are the sum of their enabled vectors
    (character, word); with both off they are word vectors that only the levels above see.

    Raises ValueError when no granularity is enabled.
    """

    def __init__(self, settings: ModelSettings, vocabulary_size: int, ngram_buckets: int) -> None:
        super().__init__()
        self.settings = settings
        width, heads = settings.width, settings.document.heads
        with_characters, with_words = settings.character.enabled, settings.word.enabled
        self.character = Character(ngram_buckets, width) if with_characters else None
        self.word = Word(vocabulary_size, width) if with_words or not with_characters else None
        self.dropout = nn.Dropout(settings.dropout)
        sizes = settings.window.sizes if settings.window.enabled else []
        self.windows = nn.ModuleList(Window(width, size, settings.window.width) for size in sizes)
        self.lead = Lead(width, [settings.window.width] * len(sizes)) if settings.lead.enabled else None
        self.sentence = None
        if settings.sentence.enabled:
            self.sentence = Sentence(width, settings.sentence.width, settings.sentence.cell)
        sentence_width = settings.sentence.width if settings.sentence.enabled else width
        self.paragraph = None
        if settings.paragraph.enabled:
            self.paragraph = Paragraph(sentence_width, settings.paragraph.width, heads)
        paragraph_width = settings.paragraph.width if settings.paragraph.enabled else sentence_width
        self.document = None
        if settings.document.enabled:
            self.document = Document(paragraph_width, settings.document.width, heads)

        self.widths = {
            name: width for name, on in (("character", with_characters), ("word", with_words)) if on
        }
        self.widths |= {f"window_{size}": settings.window.width for size in sizes}
        if self.lead is not None:
            self.widths["lead"] = self.lead.width
        for name in ("sentence", "paragraph", "document"):
            if getattr(settings, name).enabled:
                self.widths[name] = getattr(settings, name).width
        if len(sizes) != len(set(sizes)):
            raise ValueError(f"model.window.sizes: {sizes}: each size once")
        if not self.widths:
            raise ValueError(
                "model: every granularity is off; enable at least one, for example model.word.enabled"
            )
        self.word_width = width * (with_characters or with_words) + settings.window.width * len(sizes)
        self.word_width += settings.sentence.width * settings.sentence.enabled
        projecting_levels = (settings.character, settings.word, settings.window, settings.sentence)
        self.reads_content = any(reader.enabled and reader.words == "content" for reader in projecting_levels)

    def forward(
        self,
        batch: Batch,
        word_dropout: float = 0.0,
        with_words: bool = True,
        types: TokenTypeStates | None = None,
    ) -> tuple[dict[str, Tensor], Words | None]:
        """Pooled vectors (B, width) by granularity; the vectors (N, word_width) of all words, by sentence.

        The words' vectors come with `with_words` alone. `types`: those of the batch, where they are known.
        """
        types = self.types(batch, word_dropout) if types is None else types
        types_TD = types.dropped_TD
        word_N = types.words(batch)
        everything = TokenSelection.of(batch, "all", word_N)
        readings = {"all": everything}
        if self.reads_content:
            readings["content"] = TokenSelection.of(batch, "content", word_N)
        pooled: dict[str, Tensor] = {}
        words: list[Tensor] = []

        def encode(
            level: Callable[[TokenSelection], Ragged], reads: Reads, activation: Callable[[Tensor], Tensor]
        ) -> Ragged:
            states = level(readings[reads])
            if with_words:  # tagging reads all words, whatever this level reads for its own vector
                words.append(activation((states if reads == "all" else level(everything)).values))
            return states

        for name, vectors in types.vectors.items():
            if name in self.widths:
                reading = readings[getattr(self.settings, name).words]
                pooled[name] = gather_mean(vectors, reading.documents)
        if with_words and not {"character", "word"}.isdisjoint(self.widths):
            words.append(F.embedding(word_N, types_TD))
        windows = []
        projections_of = dict(zip(self.projecting_levels, types.projections, strict=True))
        for window in self.windows:
            assert isinstance(window, Window)
            reads = self.settings.window.words
            states = encode(partial(window.read, projections_of[window]), reads, F.relu)
            windows.append((states, readings[reads]))
            # the ReLU last: it keeps the order, and there are fewer maxima than words
            pooled[f"window_{window.size}"] = F.relu(states.max_pool())
        if self.lead is not None:
            pooled["lead"] = self.lead(types.whole_TD, windows, everything)
        if self.sentence is not None:
            level = partial(self.sentence.read, projections_of[self.sentence])
            sentences = encode(level, self.settings.sentence.words, nn.Identity()).max_pool()
            pooled["sentence"] = Ragged(sentences, batch.sentences_per_document).max_pool()
        else:
            sentences = gather_mean(types_TD, everything.sentences)
        if self.paragraph is not None:
            paragraphs = self.paragraph(sentences, batch)
            pooled["paragraph"] = paragraphs.max_pool()
        else:
            paragraphs = Ragged(Ragged(sentences, batch.paragraph_length).mean_pool(), batch.document_length)
        if self.document is not None:
            pooled["document"] = self.document(paragraphs)
        if not words:
            return pooled, None
        return pooled, Words(torch.cat(words, dim=1), batch.sentence_length, batch.sentences_per_document)

    def types(self, batch: Batch, word_dropout: float = 0.0) -> TokenTypeStates:
        """Of the batch's distinct words."""
        vectors_TD = self.word_vectors(batch, word_dropout)
        whole_TD = reduce(add, vectors_TD.values())
        dropped_TD = self.dropout(whole_TD)
        return TokenTypeStates(
            vectors_TD, whole_TD, dropped_TD, [r.projections(dropped_TD) for r in self.projecting_levels]
        )

    @property
    def projecting_levels(self) -> list[Window | Sentence]:
        """The levels that multiply each distinct word once: windows, in the order of their sizes in the settings, sentence."""
        windows: list[Window | Sentence] = [window for window in self.windows if isinstance(window, Window)]
        return windows if self.sentence is None else [*windows, self.sentence]

    def word_vectors(self, batch: Batch, word_dropout: float) -> dict[str, Tensor]:
        """(T,D) of each kind of word vector, by its name."""
        vectors = {}
        if self.character is not None:
            vectors["character"] = self.character(batch)
        if self.word is not None:
            vectors["word"] = self.word(batch, word_dropout)
        return vectors
