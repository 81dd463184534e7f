"""JSONL files, one object a line, in batches; also JSON files that hold an array of objects, or objects over several lines."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.encoding import Utf8Reader, invalid_utf8
from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.json_documents import is_spread, spread_rows
from mgm.corpus.readers.json_values import JsonError, JsonObject, loads, parse_lines, shown, typed_value
from mgm.corpus.readers.rebatch import CHUNK_BYTES, MAX_ROW_BYTES
from mgm.corpus.readers.types import arrow_type, convert

_PEEK_ROWS = 1_000
_PEEK_BYTES = 64 << 20


def column_names(file: InputFile, dialect: Dialect, *, wanted: Collection[str] = ()) -> list[str]:
    """Return the keys of the first 1,000 rows, or of fewer where they are long (64 MiB), and those of `wanted` in any row."""
    keys: dict[str, None] = {}
    row, read = 1, 0
    missing = set(wanted)
    for data in line_blocks(file, dialect):
        lines = data.split(b"\n")
        if row <= _PEEK_ROWS and read < _PEEK_BYTES:
            for number, line in enumerate(lines[: _PEEK_ROWS - row + 1], row):
                keys |= (
                    dict.fromkeys(_json_row(file, number, line=line, dialect=dialect)) if line.strip() else {}
                )
        missing -= keys.keys()
        for name in sorted(missing):
            if _is_key(name, lines, data=data):
                keys[name] = None
        missing -= keys.keys()
        row, read = row + len(lines) - 1, read + len(data)
        if (row > _PEEK_ROWS or read >= _PEEK_BYTES) and not missing:
            break
    return list(keys)


def _is_key(name: str, lines: list[bytes], *, data: bytes) -> bool:
    """Return whether a row has a key, which most rows need not be parsed for."""
    spellings = {json.dumps(name).encode(), json.dumps(name, ensure_ascii=False).encode("utf-8", "replace")}
    for spelling in spellings:
        if spelling in data:
            for line in lines:
                if spelling in line and name in _keys(line):
                    return True
    return False


def _keys(line: bytes) -> Collection[str]:
    try:
        value = loads(line.decode("utf-8", errors="replace"))
    except JsonError:
        return ()
    return value.keys() if isinstance(value, dict) else ()


def read(
    file: InputFile,
    columns: Mapping[str, pl.DataType],
    *,
    rows: int,
    strict: Collection[str],
    dialect: Dialect,
) -> Iterator[pl.DataFrame]:
    """Yield the rows, as many at a time as about CHUNK_BYTES hold."""
    parser = _Parser(file, columns, strict=strict, dialect=dialect)
    first, blank = 1, 0
    for data in line_blocks(file, dialect):
        body = data.rstrip()
        if body and blank:
            raise _blank_line(file, blank)
        if body:
            yield parser.parse(body, first)
        lines = body.count(b"\n") + 1 if body else 0
        if not blank and data.count(b"\n", len(body)) > bool(body):
            blank = first + lines  # no fault yet: a file may end so
        first += lines


def _blank_line(file: InputFile, row: int) -> ValueError:
    return ValueError(f"{file}: row {row}: a blank line; expected one JSON object a line")


def line_blocks(file: InputFile, dialect: Dialect) -> Iterator[bytes]:
    """Yield whole lines, as many at a time as about CHUNK_BYTES hold, but at least one."""
    with file.stream() as stream:
        reader = Utf8Reader(file, stream, dialect=dialect)
        block = reader.read(CHUNK_BYTES)
        if is_spread(block):
            yield from spread_rows(file, block, reader=reader, max_bytes=MAX_ROW_BYTES)
            return
        begun: list[bytes] = []  # of a line that goes on
        row, size = 1, 0
        while block:
            end = block.rfind(b"\n") + 1
            if end:
                whole = b"".join([*begun, block[:end]])
                yield whole
                row += whole.count(b"\n")
                begun, size = [], 0
            if end < len(block):
                begun.append(block[end:])
                size += len(block) - end
            if size > MAX_ROW_BYTES:
                raise ValueError(
                    f"{file}: row {row}: longer than {MAX_ROW_BYTES >> 20} MiB; expected one JSON object a line"
                )
            block = reader.read(CHUNK_BYTES)
        if begun:
            yield b"".join(begun)


_LOOSE = {"number": pa.int64(), "boolean": pa.bool_()}
"""Types that a string column may have instead, by the parser's name for them; `convert` makes strings of them."""


class _Parser:
    """A parser of lines. It remembers which string columns hold whole numbers or truth values: ids and labels often do."""

    def __init__(
        self,
        file: InputFile,
        columns: Mapping[str, pl.DataType],
        *,
        strict: Collection[str],
        dialect: Dialect,
    ) -> None:
        self.file = file
        self.dialect = dialect
        self.columns = columns
        self.strict = strict
        self.declared = {name: arrow_type(dtype) for name, dtype in columns.items()}
        self.current = dict(self.declared)

    def parse(self, data: bytes, first: int) -> pl.DataFrame:
        """Return the rows of lines, the first of which is row `first`."""
        self._check_utf8(data, first)
        table = self._table(data)
        if table is None or table.num_rows != data.count(b"\n") + 1:
            return self._parse_rows(data, first)
        frame = pl.DataFrame(pl.from_arrow(table))
        return convert(frame, self.file, columns=self.columns, strict=self.strict, first=first)

    def _table(self, data: bytes) -> pa.Table | None:
        """Return the columns as Arrow's parser reads them; None: some row needs a closer look, or has a fault."""
        types, is_fresh = dict(self.current), self.current == self.declared
        while True:
            try:
                table = parse_lines(data, types)
                self.current = types
                return table
            except pa.ArrowInvalid as error:
                changed = re.search(r"Column\(/(.*)\) changed from \w+ to (\w+)", str(error))
                name, actual = (changed[1], changed[2]) if changed else ("", "")
                is_loose = name not in self.strict and self.declared.get(name) == pa.large_string()
                if is_loose and actual in _LOOSE and types[name] == pa.large_string():
                    types[name] = _LOOSE[actual]
                elif not is_fresh:  # these rows may be of another kind than those before
                    types, is_fresh = dict(self.declared), True
                else:
                    return None

    def _check_utf8(self, data: bytes, first: int) -> None:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            row = data.count(b"\n", 0, error.start)
            raise _invalid_utf8(
                self.file, first + row, line=data.split(b"\n", row + 1)[row], dialect=self.dialect
            ) from error

    def _parse_rows(self, data: bytes, first: int) -> pl.DataFrame:
        """Return the rows, one read after another: a string column may hold numbers of any kind here and strings there.

        Arrow's parser also takes blank lines, and several objects a line; rows would lose their numbers.
        """
        values: dict[str, list[Any]] = {name: [] for name in self.columns}
        for row, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                raise _blank_line(self.file, row)
            value = _json_row(self.file, row, line=line, dialect=self.dialect)
            for name, dtype in self.columns.items():
                try:
                    if name in value.repeated:
                        raise JsonError("this key twice in one object; expected it once")
                    values[name].append(typed_value(value.get(name), dtype, is_loose=name not in self.strict))
                except JsonError as error:
                    raise ValueError(f"{self.file}: row {row}, column {name!r}: {error}") from error
        return pl.DataFrame(values, schema=dict(self.columns))


def _json_row(file: InputFile, row: int, *, line: bytes, dialect: Dialect) -> JsonObject:
    try:
        value = loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise _invalid_utf8(file, row, line=line, dialect=dialect) from None
    except JsonError as error:
        raise ValueError(f"{file}: row {row}: {error}") from error
    if not isinstance(value, JsonObject):
        raise ValueError(
            f"{file}: row {row}: expected a JSON object, found {type(value).__name__} {shown(value)}"
        )
    return value


def _invalid_utf8(file: InputFile, row: int, *, line: bytes, dialect: Dialect) -> ValueError:
    """Return an error that names the row, and the column where the line is JSON otherwise."""
    try:
        value = loads(line.decode("utf-8", errors="replace"))
    except JsonError:
        value = {}
    pairs = value.items() if isinstance(value, dict) else ()
    column = next((f", column {key!r}" for key, cell in pairs if "\ufffd" in str(cell)), "")
    problem = invalid_utf8(line, dialect)
    return ValueError(f"{file}: row {row}{column}: {problem}")
