"""A corpus before ingest: its files, how they are written, and what they are read for."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from mgm.corpus.readers import Dialect, Source
from mgm.settings.corpora import CorpusSettings, IngestSettings
from mgm.tasks import Task


def repeat(texts: pl.Series, value: str | None = None) -> pl.Series:
    """Return the same language for every text; None: it is detected later."""
    return pl.Series([value] * len(texts), dtype=pl.String)


@dataclass(frozen=True, kw_only=True)
class RawCorpus:
    """The raw rows of a corpus, with the settings for reading them."""

    name: str
    source: Source
    settings: CorpusSettings
    tasks: list[Task]
    """The tasks that the corpus labels."""
    part_size: IngestSettings
    detect_languages: Callable[[pl.Series], pl.Series] = field(default_factory=lambda: repeat)
    """Returns the languages of texts, for documents that corrections add to a corpus with a column of languages."""

    @property
    def dialect(self) -> Dialect:
        """How the files are written."""
        return Dialect.of(self.settings, f"corpora.{self.name}.")
