"""JSONL files, one object a line, in batches."""

import io
import itertools
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json

from mgm.corpus.readers.stream import open_stream
from mgm.corpus.readers.types import arrow_type, convert

_PEEK_ROWS = 1_000


def names(file: Path) -> list[str]:
    """The keys of the first 1,000 rows."""
    keys: dict[str, None] = {}
    with _lines(file) as lines:
        for row, line in enumerate(itertools.islice(lines, _PEEK_ROWS), 1):
            keys |= dict.fromkeys(_json_row(file, row, line)) if line.strip() else {}
    return list(keys)


class _lines:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> Iterator[bytes]:
        self.stream = open_stream(self.file)
        return self._read(io.BufferedReader(self.stream, 1 << 20))

    def _read(self, buffered: io.BufferedReader) -> Iterator[bytes]:
        try:
            yield from buffered
        except OSError as error:
            raise ValueError(f"{self.file}: damaged: {error}") from error

    def __exit__(self, *_: object) -> None:
        self.stream.close()


def read(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    first = 1
    with _lines(file) as lines:
        while chunk := list(itertools.islice(lines, rows)):
            if any(not line.strip() for line in chunk[:-1]) or not chunk[-1].strip():
                chunk = _without_blank_end(file, chunk, first)
                if not chunk:
                    return
            yield convert(_json_frame(file, chunk, columns, strict, first), file, columns, strict, first)
            first += len(chunk)


def _without_blank_end(file: Path, chunk: list[bytes], first: int) -> list[bytes]:
    while chunk and not chunk[-1].strip():
        chunk.pop()
    for row, line in enumerate(chunk, first):
        if not line.strip():
            raise ValueError(f"{file}: row {row}: a blank line; expected one JSON object a line")
    return chunk


def _parse_json(data: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    options = pa.json.ParseOptions(
        explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
    )
    # One block, so that its rows keep their numbers, and a long row is no fault.
    read = pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    return pa.json.read_json(io.BytesIO(data), read_options=read, parse_options=options)


def _json_frame(
    file: Path, chunk: list[bytes], columns: Mapping[str, pl.DataType], strict: Collection[str], first: int
) -> pl.DataFrame:
    data = b"".join(chunk)
    try:
        data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start)
        broken = json.loads(chunk[row].decode("utf-8", errors="replace"))
        column = next((key for key, value in broken.items() if "\ufffd" in str(value)), None)
        raise ValueError(
            f"{file}: row {first + row}, column {column!r}: invalid UTF-8 (byte {data[error.start]:#04x}: {error.reason})"
        ) from error
    types = {name: arrow_type(dtype) for name, dtype in columns.items()}
    for _ in range(len(columns) + 1):
        try:
            table = _parse_json(data, types)
            return pl.DataFrame(pl.from_arrow(table))
        except pa.ArrowInvalid as error:
            changed = re.search(r"Column\(/([^/)]+)\) changed from string to (number|boolean)", str(error))
            name = changed[1] if changed else ""
            if name not in types or name in strict or types[name] != pa.large_string():
                raise _json_error(file, chunk, columns, types, first, error) from error
            # Whole numbers (or truth values) as ids or labels are common: read as such, `_convert` makes them strings.
            types[name] = pa.int64() if changed and changed[2] == "number" else pa.bool_()
    raise AssertionError("each round settles one column")


def _json_row(file: Path, row: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8", errors="replace"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: row {row}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{file}: row {row}: expected a JSON object, found {type(value).__name__}")
    return value


def _json_error(
    file: Path,
    chunk: list[bytes],
    columns: Mapping[str, pl.DataType],
    types: Mapping[str, pa.DataType],
    first: int,
    error: Exception,
) -> ValueError:
    """Finds the row and column that the parser stumbled over; only ever runs once, on the way out."""
    for row, line in enumerate(chunk, first):
        value = _json_row(file, row, line)
        for name, dtype in columns.items():
            try:
                _parse_json(line, {name: types[name]})
            except pa.ArrowInvalid:
                return ValueError(
                    f"{file}: row {row}, column {name!r}: value {value[name]!r}, expected {dtype}"
                )
    return ValueError(f"{file}: rows {first} to {first + len(chunk) - 1}: {error}")
