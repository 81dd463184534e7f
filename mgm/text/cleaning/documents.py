"""Cleaning of whole documents: their texts, and their language where none is declared."""

from dataclasses import dataclass

import polars as pl

from mgm.corpus.contract import LANGUAGES
from mgm.corpus.parts import Transformed
from mgm.settings.text import TextSettings
from mgm.text.cleaning.pipeline import clean_with_statistics
from mgm.text.language import detect_languages


@dataclass(frozen=True, kw_only=True)
class CleanDocuments:
    """A transform that cleans a part of documents, and fills `lang` with the detected language where it is null."""

    text: TextSettings
    min_chars: int

    def __call__(self, documents: pl.DataFrame) -> Transformed:
        """Return the cleaned documents, the rejected ones, and their statistics."""
        cleaned = clean_with_statistics(documents, self.text.cleaning, min_chars=self.min_chars)
        kept, statistics = cleaned.kept, cleaned.statistics
        detected = detect_languages(kept["text"], self.text.language)
        for language in LANGUAGES:
            statistics.count(f"languages/{language}", int((detected == language).sum()))
        # A null disagrees with nothing.
        statistics.count("language_disagrees", int((kept["lang"] != detected).sum()))
        num_chars = kept["text"].str.len_chars()
        statistics.count("characters", int(num_chars.sum()))
        statistics.measure("characters_per_document", num_chars)
        filled = kept["lang"].zip_with(kept["lang"].is_not_null(), detected)
        return Transformed(kept.with_columns(lang=filled), cleaned.rejected, statistics)
