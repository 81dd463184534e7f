"""The sections `corpora` and `ingest`."""

from typing import Any

from pydantic import Field

from mgm.settings.section import Section


class CorpusSettings(Section):
    """What is particular to a corpus: the names of its columns, and what it overrides of `text`."""

    id: str = "doc_id"
    text_column: str = "text"
    lang: str = "lang"
    """The column of the document's language, or one of the literals en, zh, mixed, other; detect: not declared."""
    group: str | None = None
    """The column of the document's group; without it `group` where there is such a column, else the id."""
    split: str | None = None
    """The column of the document's split (train, valid, test); without it splits come from the group's hash."""
    columns: dict[str, str] = {}
    """Task to column, where the column is not named as the task."""
    min_chars: int = Field(default=1, ge=0)
    text: dict[str, Any] = {}


class IngestSettings(Section):
    rows_per_part: int = Field(default=20_000, ge=1)
    megabytes_per_part: int = Field(default=64, ge=1)
    """A part ends early where its raw rows reach this size, which bounds the memory of every later stage."""
