"""JSONL files, one object a line, in batches."""

import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json

from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.rebatch import CHUNK_BYTES
from mgm.corpus.readers.types import arrow_type, convert

_PEEK_ROWS = 1_000
_PEEK_BYTES = 64 << 20
_MAX_ROW_BYTES = 256 << 20  # beyond it, it is no JSONL: a file without line breaks would fill the memory


def column_names(file: InputFile) -> list[str]:
    """Return the keys of the first 1,000 rows, or of fewer where they are long (64 MiB)."""
    keys: dict[str, None] = {}
    row, read = 1, 0
    for data in _chunks(file):
        for line in data.split(b"\n"):
            keys |= dict.fromkeys(_json_row(file, row, line)) if line.strip() else {}
            row += 1
            if row > _PEEK_ROWS:
                return list(keys)
        read += len(data)
        if read >= _PEEK_BYTES:
            break
    return list(keys)


def read(
    file: InputFile, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    """Yield the rows, as many at a time as about CHUNK_BYTES hold."""
    parser = _Parser(file, columns, strict)
    first, blank = 1, 0
    for data in _chunks(file):
        body = data.rstrip()
        if body and blank:
            raise _blank_line(file, blank)
        if body:
            yield from parser.parse(body, first)
        lines = body.count(b"\n") + 1 if body else 0
        if not blank and data.count(b"\n", len(body)) > bool(body):
            blank = first + lines  # no fault yet: a file may end so
        first += lines


def _blank_line(file: InputFile, row: int) -> ValueError:
    return ValueError(f"{file}: row {row}: a blank line; expected one JSON object a line")


def _chunks(file: InputFile) -> Iterator[bytes]:
    """Yield whole lines, as many at a time as about CHUNK_BYTES hold, but at least one."""
    with file.stream() as stream:
        begun: list[bytes] = []  # of a line that goes on
        row, size = 1, 0
        while block := _block(file, stream):
            end = block.rfind(b"\n") + 1
            if end:
                whole = b"".join([*begun, block[:end]])
                yield whole
                row += whole.count(b"\n")
                begun, size = [], 0
            if end < len(block):
                begun.append(block[end:])
                size += len(block) - end
            if size > _MAX_ROW_BYTES:
                raise ValueError(
                    f"{file}: row {row}: longer than {_MAX_ROW_BYTES >> 20} MiB; expected one JSON object a line"
                )
        if begun:
            yield b"".join(begun)


def _block(file: InputFile, stream: pa.NativeFile) -> bytes:
    try:
        block: bytes = stream.read(CHUNK_BYTES)
    except OSError as error:
        raise ValueError(f"{file}: damaged: {error}") from error
    return block


_LOOSE = {"number": pa.int64(), "boolean": pa.bool_()}
"""Types that a string column may have instead, by the parser's name for them; `convert` makes strings of them."""


class _MixedKindsError(Exception):
    """A column is a string in some rows and a number, or a truth value, in others."""


class _Parser:
    """A parser of lines. It remembers which string columns hold whole numbers or truth values: ids and labels often do."""

    def __init__(self, file: InputFile, columns: Mapping[str, pl.DataType], strict: Collection[str]) -> None:
        self.file = file
        self.columns = columns
        self.strict = strict
        self.declared = {name: arrow_type(dtype) for name, dtype in columns.items()}
        self.current = dict(self.declared)

    def parse(self, data: bytes, first: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of lines, the first of which is row `first`."""
        self._check_utf8(data, first)
        yield from self._frames(data, first)

    def _frames(self, data: bytes, first: int) -> Iterator[pl.DataFrame]:
        try:
            table = self._table(data)
        except _MixedKindsError:  # the same column here a number, there a string: halves, down to the line
            middle = data.find(b"\n", len(data) // 2) + 1 or data.rfind(b"\n") + 1
            yield from self._frames(data[: middle - 1], first)
            yield from self._frames(data[middle:], first + data.count(b"\n", 0, middle))
            return
        except pa.ArrowInvalid as error:
            raise self._error(data, first, error) from error
        if table.num_rows != data.count(b"\n") + 1:
            raise self._line_error(data, first)
        frame = pl.DataFrame(pl.from_arrow(table))
        yield convert(frame, self.file, self.columns, self.strict, first)

    def _table(self, data: bytes) -> pa.Table:
        """Raises _MixedKindsError, or the parser's pa.ArrowInvalid."""
        types, is_fresh = dict(self.current), self.current == self.declared
        while True:
            try:
                table = _parse_json(data, types)
                self.current = types
                return table
            except pa.ArrowInvalid as error:
                changed = re.search(r"Column\(/([^/)]+)\) changed from (\w+) to (\w+)", str(error))
                name, actual = (changed[1], changed[3]) if changed else ("", "")
                is_loose = name not in self.strict and self.declared.get(name) == pa.large_string()
                if is_loose and actual in _LOOSE and types[name] == pa.large_string():
                    types[name] = _LOOSE[actual]
                elif not is_fresh:  # these rows may be of another kind than those before
                    types, is_fresh = dict(self.declared), True
                elif is_loose and actual in (*_LOOSE, "string") and b"\n" in data:
                    raise _MixedKindsError from error
                else:
                    raise

    def _check_utf8(self, data: bytes, first: int) -> None:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            row = data.count(b"\n", 0, error.start)
            broken = json.loads(data.split(b"\n")[row].decode("utf-8", errors="replace"))
            column = next((key for key, value in broken.items() if "\ufffd" in str(value)), None)
            raise ValueError(
                f"{self.file}: row {first + row}, column {column!r}: invalid UTF-8 "
                f"(byte {data[error.start]:#04x}: {error.reason})"
            ) from error

    def _line_error(self, data: bytes, first: int) -> ValueError:
        """The parser takes blank lines, and several objects a line; rows would lose their numbers."""
        for row, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                return _blank_line(self.file, row)
            _json_row(self.file, row, line)
        raise AssertionError("each line is one object, and yet there are more or fewer rows")

    def _error(self, data: bytes, first: int, error: Exception) -> ValueError:
        """Return an error that names the row and column that the parser failed at."""
        row = first
        for row, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                return _blank_line(self.file, row)
            value = _json_row(self.file, row, line)
            for name, dtype in self.columns.items():
                if not self._fits(name, line):
                    return ValueError(
                        f"{self.file}: row {row}, column {name!r}: value {value[name]!r}, expected {dtype}"
                    )
        return ValueError(f"{self.file}: rows {first} to {row}: {error}")

    def _fits(self, name: str, line: bytes) -> bool:
        declared = self.declared[name]
        is_loose = declared == pa.large_string() and name not in self.strict
        for dtype in (declared, *_LOOSE.values()) if is_loose else (declared,):
            try:
                _parse_json(line, {name: dtype})
                return True
            except pa.ArrowInvalid:
                continue
        return False


def _parse_json(data: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    options = pa.json.ParseOptions(
        explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
    )
    # One block, so that its rows keep their numbers, and a long row is no fault.
    read = pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    return pa.json.read_json(io.BytesIO(data), read_options=read, parse_options=options)


def _json_row(file: InputFile, row: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8", errors="replace"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: row {row}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{file}: row {row}: expected a JSON object, found {type(value).__name__}")
    return value
