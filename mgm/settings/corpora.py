"""The sections `corpora` and `ingest`."""

import codecs
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from mgm.settings.names import nearest
from mgm.settings.references import TaskName
from mgm.settings.section import Section

_ENCODINGS = ("utf-8", "utf-16", "gb18030", "gbk", "big5", "shift_jis", "euc_kr", "latin-1", "cp1250", "cp1251", "cp1252", "cp1254", "koi8-r", "mac-roman")  # fmt: skip

CORRECTIONS = PurePosixPath("data/corrections")
"""The folder of corrected labels."""


class FileSettings(Section):
    """The columns of ids and texts in files of documents, and what the files do not tell about themselves."""

    id: str = "doc_id"
    """Column of the document's id."""
    text_column: str = "text"
    """Column of the document's text."""
    encoding: str | None = None
    """Encoding of text files without a byte order mark, such as gb18030 or cp1252; null: UTF-8."""
    separator: str | None = None
    """Character between the cells of CSV and TSV; null: detected from a line `sep=`, the file's name and its header."""
    quote: str | None = None
    """Character around cells of CSV and TSV; "": none, so quotes are text.

    null: `"`, except in TSV files whose quotes do not enclose whole cells, where quotes are text.
    """
    escape: str | None = None
    """Escape character in cells, such as \\ before a quote; null: quotes in cells are doubled."""

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                codecs.getincrementaldecoder(name)().decode(b"")
                "".encode(name)
        except LookupError:
            expected = nearest(name or "", _ENCODINGS)
            raise ValueError(f"expected the name of an encoding, as Python knows it{expected}") from None
        return name

    @field_validator("separator", "escape", "list_separator", "quote", check_fields=False)
    @classmethod
    def _is_character(cls, character: str | None, field: ValidationInfo) -> str | None:
        is_none = character is None or (character == "" and field.field_name == "quote")
        if not is_none and (
            len(character or "") != 1 or not str(character).isascii() or str(character) in "\r\n"
        ):
            raise ValueError("expected one ASCII character")
        return character


class CorpusSettings(FileSettings):
    """The columns of a corpus, the format of its files, and the settings of `text` that it overrides."""

    lang: str = "lang"
    """Column of the document's language, or the language itself (en, zh, mixed, other); detect: detected for each document."""
    group: str | None = None
    """Column of the document's group.

    null: the column `group` if there is one, otherwise the id.
    """
    split: str | None = None
    """Column of the document's split (train, valid or validation, val, dev, test); hash: by the hash of the group.

    null: the column `split` if there is one with such values; a split that does not occur is taken from train by the hash of the
    group. Otherwise by the hash of the group: a fifth of the groups is test, a tenth is valid.
    """
    decimal: Literal[".", ","] = "."
    """Decimal point of the numbers of CSV and TSV."""
    null_values: list[str] = []
    """Cells of CSV and TSV that are missing values, such as NA; empty cells always are, and so is NA where a number is expected."""
    list_separator: str | None = None
    """Character between the labels of a cell of CSV and TSV, such as ; in a;b; null: lists are JSON."""
    columns: dict[TaskName, str] = {}
    """Task to the column of its labels, if the column does not have the task's name."""
    corrections: str | None = None
    """File or folder in data/corrections with corrected labels, which replace those of the documents with the same id.

    Exports of Label Studio and doccano, and JSONL, CSV or Parquet with the id and a column for each corrected task.
    """
    min_chars: int = Field(default=1, ge=0)
    """Minimum number of characters of a document after cleaning."""
    text: dict[str, Any] = {}
    """Settings of `text` that this corpus overrides."""

    @field_validator("corrections")
    @classmethod
    def _lies_in_its_folder(cls, place: str | None) -> str | None:
        path = PurePosixPath(place or "")
        if place is not None and (path.parts[:2] != CORRECTIONS.parts or ".." in path.parts or path == CORRECTIONS):  # fmt: skip
            raise ValueError(f"expected a file or folder in {CORRECTIONS}, on which stages depend, such as {CORRECTIONS}/NAME")  # fmt: skip
        return place


class IngestSettings(Section):
    """Reading of raw rows into tables of documents."""

    rows_per_part: int = Field(default=20_000, ge=1)
    """Rows in each part of a table; stages read and write part by part."""
    megabytes_per_part: int = Field(default=64, ge=1)
    """Size of the raw rows at which a part ends early, in megabytes; it bounds the memory of every later stage."""
