"""Readers of raw rows, in batches of bounded size.

Parquet, JSONL, CSV and TSV, or plain text (.txt) of one document a file; plain or compressed (.gz, .zst); a file or a folder, a
key or a prefix of an object store (s3://bucket/key).

Rows are counted from 1 in every message; a table's header is not a row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import polars as pl

from mgm.corpus.readers import delimited, jsonl, parquet, plain_text
from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.input_files import (
    COMPRESSIONS,
    FileGroup,
    InputFile,
    Source,
    UnpacksTooLarge,
    find_files,
)
from mgm.corpus.readers.messages import clear_errors
from mgm.corpus.readers.rebatch import MEGABYTE, rebatch
from mgm.settings.names import nearest

__all__ = [
    "DEFAULT_DIALECT",
    "MEGABYTES",
    "Dialect",
    "FileGroup",
    "InputFile",
    "MissingColumn",
    "Source",
    "UnpacksTooLarge",
    "column_names",
    "group_files",
    "input_files",
    "read_batches",
]

MEGABYTES = 64.0
"""The default size at which a batch ends."""

DEFAULT_DIALECT = Dialect()
"""Everything is found in the files."""

Columns = Mapping[str, pl.DataType]


class _ColumnNames(Protocol):
    def __call__(self, file: InputFile, dialect: Dialect, *, wanted: Collection[str]) -> list[str]: ...


class _Read(Protocol):
    def __call__(
        self, file: InputFile, columns: Columns, *, rows: int, strict: Collection[str], dialect: Dialect
    ) -> Iterator[pl.DataFrame]: ...


class MissingColumn(ValueError):
    """A file lacks a column."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


class _Table(NamedTuple):
    """A format whose files are tables."""

    column_names: _ColumnNames
    read: _Read


_JSONL = _Table(jsonl.column_names, jsonl.read)
_TABLES = {
    ".parquet": _Table(parquet.column_names, parquet.read),
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
    ".json": _JSONL,
    ".csv": _Table(delimited.column_names, delimited.read),
    ".tsv": _Table(partial(delimited.column_names, separator="\t"), partial(delimited.read, separator="\t")),
}
_SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
_FORMATS = (*_TABLES, plain_text.SUFFIX)


def input_files(source: Source) -> list[InputFile]:
    """Return the files of an input in the order of their paths.

    A file of an unknown format is an error, since it would be lost silently.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a file of another format, a folder without files, texts beside tables, an object store that does not
            answer.
    """
    files = find_files(source)
    texts = [_suffix(file) == plain_text.SUFFIX for file in files]
    if any(texts) and not all(texts):
        raise ValueError(
            f"{source}: {files[texts.index(True)]} is plain text and {files[texts.index(False)]} is not; expected a folder of "
            f"texts, one document each, or of tables"
        )
    return files


def _suffix(file: InputFile) -> str:
    suffixes = file.suffixes
    is_compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    suffix = suffixes[-1 - is_compressed] if len(suffixes) > is_compressed else ""
    if suffix not in _FORMATS or (is_compressed and suffix == ".parquet"):
        remedy = "; export the sheet as CSV" if suffix in _SPREADSHEETS else ""
        raise ValueError(
            f"{file}: unknown format; expected one of {', '.join(_FORMATS)}, also with .gz or .zst (not .parquet){remedy}"
        )
    return suffix


def _is_text(files: Sequence[InputFile]) -> bool:
    return _suffix(files[0]) == plain_text.SUFFIX


def split_source(source: Source) -> list[Source]:
    """Return the parts of an input whose rows are each counted from 1: its files, or a folder of texts as a whole."""
    files = input_files(source)
    return [source] if _is_text(files) else list(files)


def group_files(source: Source, *, megabytes: float) -> list[Source]:
    """Return the parts of an input that are read apart from one another: files together of about so many megabytes as stored.

    They depend on the files alone. A folder of texts is not divided, nor is a file.
    """
    files = input_files(source)
    if _is_text(files) or len(files) == 1:
        return [source]
    groups: list[list[InputFile]] = [[]]
    size = 0.0
    for file in files:
        if size >= megabytes * MEGABYTE:
            groups.append([])
            size = 0.0
        groups[-1].append(file)
        size += file.size
    return [source] if len(groups) == 1 else [FileGroup(tuple(group)) for group in groups]


def column_names(
    source: Source, wanted: Collection[str] = (), *, dialect: Dialect = DEFAULT_DIALECT
) -> list[str]:
    """Return the columns that all files of an input have.

    In JSONL these are the keys of the first 1,000 rows of each file, and those of `wanted` in any row; of plain text they are
    doc_id, text and folder.
    """
    with clear_errors():
        files = input_files(source)
        if _is_text(files):
            return list(plain_text.COLUMNS)
        common: dict[str, None] | None = None
        for file in files:
            table = _TABLES[_suffix(file)]
            names = table.column_names(file, dialect, wanted=wanted)
            if not names and table is _JSONL:
                continue  # no rows, hence no keys
            common = dict.fromkeys(names if common is None else [n for n in common if n in names])
        return list(common or [])


def read_batches(
    source: Source,
    columns: Columns,
    *,
    rows: int,
    strict: Collection[str] = ("text",),
    megabytes: float = MEGABYTES,
    dialect: Dialect = DEFAULT_DIALECT,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of an input in file order, with exactly the columns that are named.

    A frame may span files. In CSV and TSV an empty cell is null, and lists are written as JSON. Memory: about two frames.

    Args:
        source: the input.
        columns: the columns to read, with their types.
        rows: the rows of a frame.
        strict: the string columns in which whole numbers and truth values are errors; in others they become strings.
        megabytes: the size (of 10^6 bytes) at which a frame ends earlier; see `rebatch`.
        dialect: how text files are written, as far as they do not tell it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: names the file, and the row and column where they are known: a missing column, a value of another
            type, bytes that are not UTF-8, a damaged file.
    """
    frames = _frames(input_files(source), columns, rows=rows, strict=strict, dialect=dialect)
    return rebatch(_with_clear_errors(frames), rows, megabytes=megabytes)


def _with_clear_errors(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    with clear_errors():
        yield from frames


def _frames(
    files: Sequence[InputFile], columns: Columns, *, rows: int, strict: Collection[str], dialect: Dialect
) -> Iterator[pl.DataFrame]:
    if _is_text(files):
        _require(files[0], columns, present=plain_text.COLUMNS)
        yield from plain_text.read(files, columns, rows=rows, strict=strict, dialect=dialect)
        return
    for file in files:
        table = _TABLES[_suffix(file)]
        names = table.column_names(file, dialect, wanted=columns)
        if names or table is not _JSONL:  # an empty JSONL file has no rows, hence no keys
            _require(file, columns, present=names)
        yield from table.read(file, columns, rows=rows, strict=strict, dialect=dialect)


def _require(file: InputFile, columns: Columns, *, present: Sequence[str]) -> None:
    for name in columns:
        if name not in present:
            raise MissingColumn(f"{file}: no column {name!r}{nearest(name, present)}", name)
        if (count := present.count(name)) > 1:
            raise ValueError(f"{file}: column {name!r}: {count} columns of this name, expected one")
