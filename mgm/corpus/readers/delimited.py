"""CSV and TSV files in batches. An empty cell is null; lists are written as JSON."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.csv

from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.encoding import Utf8Reader, invalid_utf8
from mgm.corpus.readers.input_files import InputFile, one_line
from mgm.corpus.readers.json_cells import decode_cells
from mgm.corpus.readers.json_values import shown
from mgm.corpus.readers.records import (
    BLOCK_BYTES,
    BrokenQuoteError,
    QuoteError,
    RecordReader,
    RecordTooLongError,
    Syntax,
    cells,
    quote_marks,
    unquoted,
)
from mgm.corpus.readers.types import arrow_type, convert, is_nested

_MAX_RECORD_BYTES = 128 << 20
_PARSED_BYTES = 1 << 20  # at a time: they stay in the processor's cache
_SHOWN_BYTES = 2_000
_MAX_HEADER_BYTES = 1 << 18
_SEPARATORS = (",", "\t", ";", "|")
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)
"""The first line by which spreadsheets are told the separator."""
_NO_NUMBERS = ("", "NA", "N/A", "n/a", "#N/A", "NULL", "Null", "null", "None", "-", "\\N")
"""What programs write where a column of numbers has none."""
_TRUTH_VALUES = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}


@dataclass(frozen=True, kw_only=True)
class _Table:
    """An open file behind its header."""

    file: InputFile
    dialect: Dialect
    names: list[str]
    syntax: Syntax
    head: bytes
    """The first bytes behind the header."""
    read: Callable[[memoryview], int]
    """Reads the bytes after those."""


def column_names(
    file: InputFile, dialect: Dialect, *, wanted: Collection[str] = (), separator: str = ","
) -> list[str]:
    """Return the columns of the header."""
    with _opened(file, dialect, separator=separator, wanted=wanted, head_bytes=_MAX_HEADER_BYTES) as table:
        return table.names


def read(
    file: InputFile,
    columns: Mapping[str, pl.DataType],
    *,
    rows: int,
    strict: Collection[str],
    dialect: Dialect,
    separator: str = ",",
) -> Iterator[pl.DataFrame]:
    """Yield the rows, a block of the file at a time; `rows` is not needed, since blocks are small."""
    with _opened(file, dialect, separator=separator, wanted=columns) as table:
        parser = _Parser(table, columns, strict=strict)
        reader = RecordReader(
            table.read, table.syntax, head=table.head, width=len(table.names), max_bytes=_MAX_RECORD_BYTES
        )
        first = 1
        try:
            for data, syntax in reader.records():
                frame = parser.parse(data, syntax, first=first)
                first += frame.height
                yield frame
        except RecordTooLongError as error:
            raise ValueError(
                f"{file}: row {first} or one soon after it: longer than {_MAX_RECORD_BYTES >> 20} MiB; is a quote not closed?"
            ) from error
        except BrokenQuoteError as error:
            raise _quote_error(table, reader.syntax, error=error, first=first) from error


@contextmanager
def _opened(
    file: InputFile,
    dialect: Dialect,
    *,
    separator: str,
    wanted: Collection[str],
    head_bytes: int = BLOCK_BYTES,
) -> Iterator[_Table]:
    with file.stream() as stream:
        reader = Utf8Reader(file, stream, dialect=dialect)
        head = reader.read(head_bytes)
        candidates = (
            [dialect.separator] if dialect.separator else list(dict.fromkeys((separator, *_SEPARATORS)))
        )
        if line := _SEPARATOR_LINE.match(head):
            head = head[line.end() :]
            candidates = [line[1].decode("utf-8", errors="replace")]
        line_end = b"\r" if b"\n" not in head and b"\r" in head else b"\n"
        quote = '"' if dialect.quote is None else dialect.quote
        syntaxes = [
            Syntax(
                separator=candidate.encode(),
                quote=quote.encode(),
                escape=(dialect.escape or "").encode(),
                line_end=line_end,
                is_undecided=dialect.quote is None and candidate == "\t",
            )
            for candidate in candidates
        ]
        names, end, syntax = _best_header(head, syntaxes, file=file, dialect=dialect, wanted=wanted)
        yield _Table(
            file=file,
            dialect=dialect,
            names=names,
            syntax=syntax,
            head=head[end:],
            read=reader.read_into,
        )


def _best_header(
    head: bytes, syntaxes: Sequence[Syntax], *, file: InputFile, dialect: Dialect, wanted: Collection[str]
) -> tuple[list[str], int, Syntax]:
    """Return the header in the syntax in which it has most of the columns that are read, or else more than one.

    No table of documents has one column: then its cells are separated by something else.
    """
    headers: list[tuple[list[str], int, Syntax]] = []
    errors: list[ValueError] = []
    for syntax in syntaxes:
        try:
            headers.append(_header(head, syntax, file=file, dialect=dialect))
        except ValueError as error:
            errors.append(error)
    if not headers:
        raise errors[0]
    return max(headers, key=lambda header: (len(set(header[0]) & set(wanted)), len(header[0]) > 1))


def _header(
    head: bytes, syntax: Syntax, *, file: InputFile, dialect: Dialect
) -> tuple[list[str], int, Syntax]:
    """Return the names, the bytes of the header, and the syntax that they were read with."""
    end = 0
    while end < min(len(head), _MAX_HEADER_BYTES):
        end = head.find(syntax.line_end, end) + 1 or len(head)
        header = head[:end]
        try:
            marks = quote_marks(header, end, syntax=syntax, is_last=False)
        except QuoteError as error:
            raise ValueError(
                f"{file}: line 1, the header: value {_text(header[error.start : error.start + 80])}: a quote within a name; "
                f"expected it doubled"
            ) from error
        if len(marks) % 2 == 0 and header.strip():
            names = [
                _name(unquoted(c, syntax), file, dialect=dialect)
                for c in next(cells(header, syntax, marks=marks), [])
            ]
            stripped = [name.strip() for name in names]
            return stripped if len(set(stripped)) == len(set(names)) else names, end, syntax
    if head.strip():
        raise ValueError(
            f"{file}: line 1, the header: a quote that is not closed; expected the names of columns"
        )
    return [], len(head), syntax


def _name(name: bytes, file: InputFile, *, dialect: Dialect) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}: line 1, the header: value {_text(name)}: {invalid_utf8(name, dialect)}"
        ) from error


def _text(data: bytes) -> str:
    return shown(data.decode("utf-8", errors="replace"))


class _Parser:
    """A parser of records. It remembers whether numbers need more than Arrow's parser."""

    def __init__(self, table: _Table, columns: Mapping[str, pl.DataType], *, strict: Collection[str]) -> None:
        self.table, self.file, self.dialect = table, table.file, table.dialect
        self.columns, self.strict = columns, strict
        self.places = {name: table.names.index(name) for name in columns}
        self.numbers = {n: t for n, t in columns.items() if not is_nested(t) and not isinstance(t, pl.String)}
        self.has_odd_numbers = False

    def parse(self, data: memoryview, syntax: Syntax, *, first: int) -> pl.DataFrame:
        """Return the rows of records, the first of which is row `first`."""
        try:
            frame = self._frame(data, syntax)
        except (pa.ArrowInvalid, OSError) as error:
            self._check_rows(bytes(data), syntax, first=first)
            if self.has_odd_numbers or not self.numbers:
                raise ValueError(f"{self.file}: rows from {first} on: {one_line(error)}") from error
            self.has_odd_numbers = True
            frame = self._frame(data, syntax)
        changed = []
        for name, dtype in self.columns.items():
            if is_nested(dtype):
                changed.append(
                    decode_cells(frame[name], dtype, file=self.file, first=first, dialect=self.dialect)
                )
            elif name in self.numbers and self.has_odd_numbers:
                changed.append(self._numbers(frame[name], dtype, first=first))
            elif name not in self.numbers and name not in self.strict:
                changed.append(_truth_values(frame[name]))
        frame = frame.with_columns(changed) if changed else frame
        return convert(frame, self.file, columns=self.columns, strict=self.strict, first=first)

    def _frame(self, data: memoryview, syntax: Syntax) -> pl.DataFrame:
        """Return the rows with lists as they are written; numbers too, where they are odd."""
        types = {
            str(place): arrow_type(self.columns[name])
            if name in self.numbers and not self.has_odd_numbers
            else pa.large_string()
            for name, place in self.places.items()
        }
        for block in (min(len(data) + 1, _PARSED_BYTES), len(data) + 1):
            try:
                table = self._parse(data, syntax, types=types, block=block)
                break
            except pa.ArrowInvalid as error:
                if "Empty CSV file" in str(error):
                    table = pa.table({place: pa.array([], dtype) for place, dtype in types.items()})
                    break
                if "straddling object" not in str(error) or block > len(data):  # a row longer than a block
                    raise
        return pl.DataFrame(pl.from_arrow(table.rename_columns(list(self.places))))

    def _parse(
        self, data: memoryview, syntax: Syntax, *, types: Mapping[str, pa.DataType], block: int
    ) -> pa.Table:
        return pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(
                use_threads=False,
                block_size=block,
                column_names=[str(place) for place in range(len(self.table.names))],
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=syntax.separator.decode(),
                quote_char=syntax.quote.decode() or False,
                escape_char=syntax.escape.decode() or False,
                newlines_in_values=bool(syntax.quote),
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=["", *self.dialect.null_values],
                strings_can_be_null=True,
                decimal_point=self.dialect.decimal,
            ),
        )

    def _check_rows(self, data: bytes, syntax: Syntax, *, first: int) -> None:
        """Check that rows have all columns, and that those that are read are UTF-8."""
        names = self.table.names
        marks = quote_marks(data, len(data), syntax=syntax, is_last=False)
        for row, record in enumerate(cells(data, syntax, marks=marks), first):
            if len(record) != len(names):
                line = syntax.separator.join(record)
                raise ValueError(
                    f"{self.file}: row {row}: value {_text(line)}: {len(record)} columns, expected {len(names)} as in the header"
                )
            for name, place in self.places.items():
                try:
                    record[place].decode("utf-8")
                except UnicodeDecodeError as error:
                    problem = invalid_utf8(record[place], self.dialect, where=syntax.separator.join(record))
                    raise ValueError(f"{self.file}: row {row}, column {name!r}: {problem}") from error

    def _numbers(self, cell: pl.Series, dtype: pl.DataType, *, first: int) -> pl.Series:
        """Return the numbers of cells, null where a word says that there is none."""
        text = cell.str.strip_chars()
        text = text.set(text.is_in(_NO_NUMBERS).fill_null(False), None)
        point = text
        if self.dialect.decimal == ",":  # a point would separate thousands
            point = text.str.replace(",", ".", literal=True).set(text.str.contains(".", literal=True), "")
        numbers = point.cast(dtype, strict=False)
        bad = (numbers.is_null() & text.is_not_null()).arg_true()
        if len(bad):
            row, value = first + bad[0], cell[bad[0]]
            hint = ""
            if self.dialect.decimal == "." and re.fullmatch(r"[+-]?\d*,\d+", value.strip()):
                hint = f' ({self.dialect.setting("decimal")}: "," reads it)'
            raise ValueError(
                f"{self.file}: row {row}, column {cell.name!r}: value {shown(value)}, expected {dtype}{hint}"
            )
        return numbers


def _truth_values(cells: pl.Series) -> pl.Series:
    """Return cells with truth values as other formats have them."""
    is_short = cells.str.len_bytes().is_between(4, 5)
    has_any = is_short.any() and cells.filter(is_short).is_in(list(_TRUTH_VALUES)).any()
    return cells.replace(_TRUTH_VALUES) if has_any else cells


def _quote_error(table: _Table, syntax: Syntax, *, error: BrokenQuoteError, first: int) -> ValueError:
    """Return an error that names the cell in which a quote is wrong."""
    data, fault = error.data, error.fault
    marks = quote_marks(data, fault.start, syntax=syntax, is_last=False)
    before = list(cells(data[: fault.start] + b"?", syntax, marks=marks))
    row, place = first + len(before) - 1, len(before[-1]) - 1
    column = repr(table.names[place]) if place < len(table.names) else f"{place + 1}"
    cell = _text(data[fault.start : fault.start + _SHOWN_BYTES])
    where = f"{table.file}: row {row}, column {column}: value {cell}"
    if (
        table.dialect.escape is None
        and b"\\" + syntax.quote in data[fault.start : fault.start + _SHOWN_BYTES]
    ):
        setting = table.dialect.setting("escape")
        return ValueError(
            f"{where}: a quote behind a backslash; expected quotes doubled ({setting}: '\\' reads them)"
        )
    remedy = f'({table.dialect.setting("quote")}: "" takes quotes for text)'
    if fault.position is None:
        return ValueError(
            f"{where}: a quote that is not closed; expected one at the end of the cell {remedy}"
        )
    return ValueError(
        f"{where}: the cell continues after its closing quote; expected quotes within it doubled {remedy}"
    )
