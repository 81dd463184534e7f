"""Segmentation of whole documents, with statistics."""

from dataclasses import dataclass

import polars as pl

from mgm.corpus.parts import Transformed
from mgm.corpus.statistics import Statistics
from mgm.settings.text import SegmentationSettings
from mgm.text.dictionary import UserDictionary
from mgm.text.segmentation.southeast_asian import IN_TEXT
from mgm.text.segmentation.tokens import TOKEN_COLUMNS, tokenize

SOUTHEAST_ASIAN_DOCUMENTS = "documents_with_southeast_asian"
"""The count of documents with Thai or a script like it; there is none where it would be 0."""


@dataclass(frozen=True, kw_only=True)
class SegmentDocuments:
    """A transform that replaces the texts of a part of documents by words, sentences and paragraphs."""

    settings: SegmentationSettings
    dictionary: UserDictionary | None

    def __call__(self, documents: pl.DataFrame) -> Transformed:
        """Return the tokens, the rejected documents, and their statistics."""
        kept, rejected = tokenize(documents, self.settings, dictionary=self.dictionary)
        statistics = Statistics()
        for column, name in (("words", "words"), ("sentence", "sentences"), ("paragraph", "paragraphs")):
            sizes = kept[column].list.len()
            statistics.count(name, int(sizes.sum()))
            if column != "paragraph":
                statistics.measure(f"{name}_per_document", sizes)
        if with_southeast_asian := int(documents["text"].str.contains(IN_TEXT).sum()):
            statistics.count(SOUTHEAST_ASIAN_DOCUMENTS, with_southeast_asian)
        return Transformed(kept, rejected, statistics)


def token_schema(documents: pl.Schema) -> pl.Schema:
    """Return the columns of tokens made of documents with these columns."""
    kept = {name: kind for name, kind in documents.items() if name not in ("text", "edits")}
    return pl.Schema({**kept, **TOKEN_COLUMNS})
