"""The texts that `mgm predict` is given: as arguments, on standard input, or in files, as frames of bounded size."""

import io
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import polars as pl

from mgm.corpus.readers import DEFAULT_DIALECT, Dialect, Source, column_names, read_batches
from mgm.corpus.writers import SUFFIXES
from mgm.settings.names import nearest
from mgm.settings.scoring import ScoreSettings

STDIN = "-"
ROWS = ScoreSettings().rows_per_shard
_NAMES_OF_FILES = (*SUFFIXES, ".txt", ".json", ".xlsx")
_COMPRESSED = (".gz", ".zst")


def is_source(argument: str) -> bool:
    """Return whether an argument is a file, a folder or an address, and not a text.

    Raises:
        FileNotFoundError: it is the name of a file that is not there.
    """
    if argument.startswith("s3://"):
        return True
    try:
        if argument and Path(argument).exists():
            return True
    except OSError:  # longer than a path may be
        return False
    name = argument
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    if name.endswith(_NAMES_OF_FILES) and not any(c.isspace() for c in argument):
        raise FileNotFoundError(f"{argument}: no such file or folder; --text treats it as a text")
    return False


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the texts and the sources among the arguments.

    Raises:
        FileNotFoundError: see `is_source`.
        ValueError: there are both.
    """
    sources = [argument for argument in arguments if is_source(argument)]
    texts = [argument for argument in arguments if argument not in sources]
    if texts and sources:
        raise ValueError(
            f"{sources[0]!r} is a file or folder and {texts[0]!r} is a text; expected one kind (--text: all are texts)"
        )
    return texts, sources


def frames_of_lines(stream: BinaryIO | None = None, *, encoding: str | None = None) -> Iterator[pl.DataFrame]:
    """Yield the lines of standard input as texts; an empty line is a text, which is rejected.

    Args:
        stream: in its place.
        encoding: None: UTF-8.

    Raises:
        ValueError: a line is not of the encoding.
    """
    stream = stream or sys.stdin.buffer
    numbered = enumerate(stream if encoding is None else _as_utf8(stream, encoding), 1)
    while lines := list(islice(numbered, ROWS)):
        texts = []
        for number, line in lines:
            try:
                texts.append(line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"standard input: line {number}: not UTF-8 (byte {line[error.start]:#04x}: {error.reason}); "
                    "--encoding names another"
                ) from None
        yield pl.DataFrame({"text": texts})


def _as_utf8(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    try:
        for line in io.TextIOWrapper(stream, encoding=encoding, newline="\n"):
            yield line.encode("utf-8")
    except UnicodeError as error:
        raise ValueError(f"standard input: not {encoding} (--encoding): {error}") from None


def frames_of_source(
    source: Source, *, id_column: str | None, text_column: str, dialect: Dialect = DEFAULT_DIALECT
) -> Iterator[pl.DataFrame]:
    """Yield doc_id and text of a file or folder.

    Args:
        source: a file, a folder or an s3:// address.
        id_column: the column with the ids; None: doc_id, or without such a column the numbers of the rows from 1 on.
        text_column: the column with the texts.
        dialect: how text files are written, as far as they do not tell it.

    Raises:
        FileNotFoundError, ValueError: see `read_batches`; also an input without rows or without these columns.
    """
    names = column_names(source, wanted=[text_column, id_column or "doc_id"], dialect=dialect)
    if not names:
        raise ValueError(f"{source}: it is empty; expected at least one row")
    for column, option in ((text_column, "--text-column"), (id_column, "--id-column")):
        if column is not None and column not in names:
            raise ValueError(
                f"{source}: no column {column!r}{nearest(column, names)}; {option} NAME takes another"
            )
    given_id = id_column or ("doc_id" if "doc_id" in names else None)
    columns = dict.fromkeys([text_column, *([given_id] if given_id else [])], pl.String())
    first = 1
    for frame in read_batches(source, columns, rows=ROWS, strict=(text_column,), dialect=dialect):
        numbers = pl.int_range(first, first + frame.height, eager=True).cast(pl.String)
        yield pl.DataFrame({"doc_id": frame[given_id] if given_id else numbers, "text": frame[text_column]})
        first += frame.height
    if first == 1:
        raise ValueError(f"{source}: it is empty; expected at least one row")
