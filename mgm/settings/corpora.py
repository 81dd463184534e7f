"""The sections `corpora` and `ingest`."""

import codecs
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from mgm.settings.names import nearest
from mgm.settings.references import TaskName
from mgm.settings.section import Section

_ENCODINGS = ("utf-8", "utf-16", "gb18030", "gbk", "big5", "shift_jis", "euc_kr", "latin-1", "cp1250", "cp1251", "cp1252", "cp1254", "koi8-r", "mac-roman")  # fmt: skip


class FileSettings(Section):
    """The columns of ids and texts in files of documents, and what the files do not tell about themselves."""

    id: str = "doc_id"
    """Column of the document's id."""
    text_column: str = "text"
    """Column of the document's text."""
    encoding: str | None = None
    """Encoding of text files without a byte order mark, such as gb18030 or cp1252; null: UTF-8."""
    separator: str | None = None
    """Character between the cells of CSV and TSV; null: by the line `sep=`, the name and the header."""
    quote: str | None = None
    """Character around cells of CSV and TSV; "": none, quotes are text.

    Without it `"`, but in TSV quotes are text where every line is a row and they are no pairs around cells.
    """
    escape: str | None = None
    """Character that makes the next one text, such as \\ before a quote; null: quotes in cells are doubled."""

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
    """The names of a corpus's columns, and the settings of `text` that it overrides."""

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
    decimal: Literal[".", ","] = "."
    """Decimal point of the numbers of CSV and TSV."""
    null_values: list[str] = []
    """Cells of CSV and TSV that are missing values, such as NA; empty cells are, and NA where a number is expected."""
    list_separator: str | None = None
    """Character between the labels of a cell of CSV and TSV, such as ; in a;b; null: lists are JSON."""
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
