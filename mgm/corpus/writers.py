"""Writers of tables by the suffix of their file, part by part: what the readers read.

Parquet, JSONL, CSV and TSV, all but Parquet also compressed (.gz, .zst). CSV and TSV have no lists: a list or a struct is written
as JSON, which the readers take as such.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from mgm.files import replacing

Write = Callable[[pl.DataFrame], None]
"""Appends the rows of a frame; all frames have the same columns."""
PARQUET = ".parquet"
_JSONL = (".jsonl", ".ndjson")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
SUFFIXES = (PARQUET, *_JSONL, *_DELIMITERS)


def output_suffix(path: Path) -> str:
    """Return the suffix that names the format of an output, without that of a compression.

    Raises:
        ValueError: it is none that can be written, or an address and no path.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)):
        raise ValueError(f"{path}: not written to other places than folders; expected a path")
    suffixes = path.suffixes
    is_compressed = bool(suffixes) and suffixes[-1] in _COMPRESSIONS
    suffix = suffixes[-1 - is_compressed] if len(suffixes) > is_compressed else ""
    if suffix not in SUFFIXES or (is_compressed and suffix == PARQUET):
        raise ValueError(
            f"{path}: unknown format of an output; expected one of {', '.join(SUFFIXES)}, also with .gz or .zst (not {PARQUET})"
        )
    return suffix


@contextmanager
def writing_table(path: Path) -> Iterator[Write]:
    """Yield the function that writes a table's frames, which replace `path` when the context is left; after an error that stays.

    The folder is made where it is missing. Memory: one frame.

    Raises:
        ValueError: an unknown suffix.
        OSError: the file cannot be written.
    """
    suffix = output_suffix(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a folder; expected a file")
    compression = _COMPRESSIONS.get(path.suffix)
    with (
        replacing(path) as temporary,
        pa.output_stream(str(temporary), compression=compression) as stream,
        _writer(stream, suffix) as write,
    ):
        yield write


def _writer(stream: pa.NativeFile, suffix: str) -> AbstractContextManager[Write]:
    if suffix == PARQUET:
        return _parquet(stream)
    return _jsonl(stream) if suffix in _JSONL else _delimited(stream, _DELIMITERS[suffix])


@contextmanager
def _parquet(stream: pa.NativeFile) -> Iterator[Write]:
    writers: list[pa.parquet.ParquetWriter] = []

    def write(frame: pl.DataFrame) -> None:
        table = frame.to_arrow()
        if not writers:
            writers.append(pa.parquet.ParquetWriter(stream, table.schema, compression="zstd"))
        writers[0].write_table(table)

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()


@contextmanager
def _jsonl(stream: pa.NativeFile) -> Iterator[Write]:
    yield lambda frame: stream.write(frame.write_ndjson().encode())


@contextmanager
def _delimited(stream: pa.NativeFile, delimiter: str) -> Iterator[Write]:
    is_first = True

    def write(frame: pl.DataFrame) -> None:
        nonlocal is_first
        stream.write(nested_as_json(frame).write_csv(separator=delimiter, include_header=is_first).encode())
        is_first = False

    yield write


def nested_as_json(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose lists and structs are strings of JSON; null stays null."""
    # Polars writes structs alone as JSON: {"value":...}
    return frame.with_columns(
        pl.when(pl.col(name).is_not_null())
        .then(pl.struct(value=name).struct.json_encode().str.strip_prefix('{"value":').str.strip_suffix("}"))
        .alias(name)
        for name, dtype in frame.schema.items()
        if dtype.is_nested()
    )
