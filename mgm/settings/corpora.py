"""The sections `corpora` and `ingest`."""

from typing import Any

from pydantic import Field

from mgm.settings.references import TaskName
from mgm.settings.section import Section


class CorpusSettings(Section):
    """The names of a corpus's columns, and the settings of `text` that it overrides."""

    id: str = "doc_id"
    """Column of the document's id."""
    text_column: str = "text"
    """Column of the document's text."""
    lang: str = "lang"
    """Column of the document's language, or the language itself: en, zh, mixed, other; detect: find it."""
    group: str | None = None
    """Column of the document's group.

    Without it the column `group` where there is one, else the id.
    """
    split: str | None = None
    """Column of the document's split (train, valid or validation, val, dev, test); hash: by the group's hash.

    Without it the column `split` where there is one with such values: splits that it never names are taken from train, by the
    group's hash. Else by the group's hash: two tenths of the groups are test, one is valid.
    """
    columns: dict[TaskName, str] = {}
    """Task to column, where the column has not the task's name."""
    min_chars: int = Field(default=1, ge=0)
    """Fewest characters of a document after cleaning."""
    text: dict[str, Any] = {}
    """Settings of `text` that this corpus overrides."""


class IngestSettings(Section):
    """Raw rows to tables of documents."""

    rows_per_part: int = Field(default=20_000, ge=1)
    """Rows of a part, the unit in which stages read and write tables."""
    megabytes_per_part: int = Field(default=64, ge=1)
    """Size of raw rows at which a part ends early: it bounds the memory of every later stage."""
