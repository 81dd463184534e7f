"""The granularities of the text, one module each; the encoder reads them from `GRANULARITIES`."""

from mgm.model.granularity.character import Character
from mgm.model.granularity.document import Document
from mgm.model.granularity.lead import Lead
from mgm.model.granularity.level import (
    EncoderState,
    Granularity,
    ProjectingLevel,
    TokenTypeStates,
    TypeGranularity,
)
from mgm.model.granularity.paragraph import Paragraph
from mgm.model.granularity.pretrained import Pretrained
from mgm.model.granularity.sentence import Sentence
from mgm.model.granularity.window import Window, Windows
from mgm.model.granularity.word import Word

GRANULARITIES: dict[str, type[Granularity]] = {
    "character": Character,
    "word": Word,
    "window": Windows,
    "lead": Lead,
    "sentence": Sentence,
    "paragraph": Paragraph,
    "document": Document,
    "pretrained": Pretrained,
}
"""The granularities by the name of their settings, from the bottom up: each reads the states of those before it."""

__all__ = [
    "GRANULARITIES",
    "Character",
    "Document",
    "EncoderState",
    "Granularity",
    "Lead",
    "Paragraph",
    "Pretrained",
    "ProjectingLevel",
    "Sentence",
    "TokenTypeStates",
    "TypeGranularity",
    "Window",
    "Windows",
    "Word",
]
