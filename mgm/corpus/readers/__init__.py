"""Raw rows in: Parquet, JSONL, CSV and TSV, or plain text (.txt) of one document a file; plain or compressed (.gz, .zst);
a file or a folder, a key or a prefix of an object store (s3://bucket/key). In parts of bounded size.

Rows are counted from 1 in every message; a table's header is not a row.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import polars as pl

from mgm.corpus.readers import delimited, jsonl, parquet, plain_text
from mgm.corpus.readers.assemble import assemble
from mgm.corpus.readers.input_files import InputFile, Source, find_files
from mgm.settings.names import nearest

__all__ = ["MEGABYTES", "InputFile", "Source", "column_names", "input_files", "pieces", "read_batches"]

MEGABYTES = 64.0
"""The size at which a batch ends where the caller says nothing else."""

Columns = Mapping[str, pl.DataType]


class _Table(NamedTuple):
    """A format of a table a file."""

    names: Callable[[InputFile], list[str]]
    read: Callable[[InputFile, Columns, int, Collection[str]], Iterator[pl.DataFrame]]


_JSONL = _Table(jsonl.names, jsonl.read)
_TABLES = {
    ".parquet": _Table(parquet.names, parquet.read),
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
    ".csv": _Table(delimited.names, delimited.read),
    ".tsv": _Table(partial(delimited.names, delimiter="\t"), partial(delimited.read, delimiter="\t")),
}
_FORMATS = (*_TABLES, plain_text.SUFFIX)
_COMPRESSED = (".gz", ".zst")


def input_files(source: Source) -> list[InputFile]:
    """The files of an input in the order of their paths. A file of an unknown format stops: it would be lost silently.

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
    packed = bool(suffixes) and suffixes[-1] in _COMPRESSED
    found = suffixes[-1 - packed] if len(suffixes) > packed else ""
    if found not in _FORMATS or (packed and found == ".parquet"):
        raise ValueError(
            f"{file}: unknown format; expected one of {', '.join(_FORMATS)}, also with .gz or .zst (not .parquet)"
        )
    return found


def _is_text(files: Sequence[InputFile]) -> bool:
    return _suffix(files[0]) == plain_text.SUFFIX


def pieces(source: Source) -> list[Source]:
    """Where the rows of an input are counted from 1: each of its files, or all of a folder of texts, a row each."""
    files = input_files(source)
    return [source] if _is_text(files) else list(files)


def column_names(source: Source) -> list[str]:
    """The columns of an input that all its files have (of JSONL: the keys of the first 1,000 rows of each).

    Of plain text: doc_id, text, folder.
    """
    files = input_files(source)
    if _is_text(files):
        return list(plain_text.NAMES)
    names: dict[str, None] | None = None
    for file in files:
        found = _TABLES[_suffix(file)].names(file)
        names = dict.fromkeys(found if names is None else [n for n in names if n in found])
    return list(names or [])


def read_batches(
    source: Source,
    columns: Columns,
    rows: int,
    strict: Collection[str] = ("text",),
    megabytes: float = MEGABYTES,
) -> Iterator[pl.DataFrame]:
    """The rows of an input in file order, with exactly `columns`: `rows` rows a frame, or fewer where they reach
    `megabytes` (of 10^6 bytes) first; see `assemble`. Memory: about two such frames, however many rows there are.

    A frame may span files. Whole numbers in a string column become strings, except in the `strict` ones.
    In CSV and TSV an empty cell is null, and lists are written as JSON.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: names the file, and the row and column where they are known: a missing column, a value of another
            type, bytes that are not UTF-8, a damaged file.
    """
    return assemble(_frames(input_files(source), columns, rows, strict), rows, megabytes)


def _frames(
    files: Sequence[InputFile], columns: Columns, rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    if _is_text(files):
        _require(files[0], columns, plain_text.NAMES)
        yield from plain_text.read(files, columns, rows, strict)
        return
    for file in files:
        table = _TABLES[_suffix(file)]
        found = table.names(file)
        if found or table is not _JSONL:  # an empty JSONL file has no rows, hence no keys
            _require(file, columns, found)
        yield from table.read(file, columns, rows, strict)


def _require(file: InputFile, columns: Columns, found: Collection[str]) -> None:
    for name in columns:
        if name not in found:
            raise ValueError(f"{file}: no column {name!r}{nearest(name, found)}")
