"""The records of CSV and TSV: where they end and where their cells are, with quotes taken strictly.

A quote at the start of a cell opens it, and only a quote right before a separator or the end of the record closes it. A lenient
parser takes `"a" b` for a cell, and a cell with one quote too many then swallows the rows up to the next quote.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 4 << 20
_LINE_ENDS = b"\n\r"
Positions = npt.NDArray[np.int64]


class QuoteError(Exception):
    """A quote that closes a cell before its end, or none that closes it."""

    def __init__(self, start: int, position: int | None) -> None:
        super().__init__()
        self.start = start
        """The first byte of the cell."""
        self.position = position
        """The place of the quote; None: no quote closes the cell."""


@dataclass(frozen=True)
class Syntax:
    """The bytes that have a meaning in a file."""

    separator: bytes
    quote: bytes
    """b"": no byte opens a cell."""
    escape: bytes = b""
    line_end: bytes = b"\n"
    is_undecided: bool = False
    """Whether quotes may also be characters like others, as TSV has them; the first lines in which one begins a cell tell."""


Data = bytes | bytearray


def quote_marks(data: Data, size: int, *, syntax: Syntax, is_last: bool) -> Positions:
    """Return the places of the quotes that open and close cells, in turn.

    Args:
        data: bytes that begin with a record.
        size: the number of them that count.
        syntax: the syntax.
        is_last: whether the file ends with them; else the last cell may be open.

    Raises:
        QuoteError: a cell goes on after its closing quote, or the file ends in one.
    """
    if not syntax.quote or data.find(syntax.quote, 0, size) < 0:
        return np.empty(0, np.int64)
    marks = None if syntax.escape else _paired_marks(data, size, syntax=syntax)
    if marks is None:
        marks = _scanned_marks(data, size, syntax=syntax)
    if is_last and len(marks) % 2:
        raise QuoteError(int(marks[-1]), None)
    return marks


def _paired_marks(data: Data, size: int, *, syntax: Syntax) -> Positions | None:
    """Return every quote, if each that would open a cell begins one and each that would close it ends one; else None."""
    buffer = np.frombuffer(data, np.uint8, size)
    marks: Positions = np.flatnonzero(buffer == syntax.quote[0])
    is_edge = np.zeros(256, bool)
    is_edge[[syntax.separator[0], syntax.quote[0], *_LINE_ENDS]] = True
    before, after = marks[::2] - 1, marks[1::2] + 1
    before = before[int(before[0] < 0) :]
    after = after[: len(after) - int(len(after) > 0 and after[-1] == size)]
    return marks if is_edge[buffer[before]].all() and is_edge[buffer[after]].all() else None


def _scanned_marks(data: Data, size: int, *, syntax: Syntax) -> Positions:
    """Return the marks where some quotes are characters within a cell, one quote after another."""
    quote, escape = re.escape(syntax.quote), re.escape(syntax.escape)
    pairs = quote + quote + (b"|" + escape + b"." if escape else b"")
    plain = b"[^%s%s]*+" % (quote, escape)
    content = re.compile(b"%s(?:(?:%s)%s)*+" % (plain, pairs, plain), re.DOTALL)
    edges = syntax.separator + _LINE_ENDS
    marks: list[int] = []
    at = data.find(syntax.quote, 0, size)
    while at >= 0:
        end = at
        if at == 0 or data[at - 1] in edges:
            match = content.match(data, at + 1, size)
            end = match.end() if match else at + 1
            marks.append(at)
            if end >= size or data[end] != syntax.quote[0]:  # open at the end, or cut behind an escape
                break
            if end + 1 < size and data[end + 1] not in edges:
                raise QuoteError(at, end)
            marks.append(end)
        at = data.find(syntax.quote, end + 1, size)
    return np.array(marks, np.int64)


def outside(places: Positions, marks: Positions) -> Positions:
    """Return the places that are not within quotes."""
    return places if not len(marks) else places[np.searchsorted(marks, places) % 2 == 0]


def _last_record_end(data: Data, size: int, *, syntax: Syntax, marks: Positions) -> int:
    """Return the number of bytes of the whole records that data begin with."""
    end = data.rfind(syntax.line_end, 0, size)
    while end >= 0:
        before = int(np.searchsorted(marks, end))
        if before % 2 == 0:
            return end + 1
        end = data.rfind(syntax.line_end, 0, int(marks[before - 1]))
    return 0


class RecordTooLongError(Exception):
    """A record longer than any is expected to be: a quote is not closed, or it is no table."""


class BrokenQuoteError(Exception):
    """A QuoteError with the data that it is in, which begin with a record."""

    def __init__(self, data: bytes, fault: QuoteError) -> None:
        super().__init__()
        self.data, self.fault = data, fault


class RecordReader:
    """A reader of whole records into one buffer, as many at a time as it holds, but at least one."""

    def __init__(
        self,
        read: Callable[[memoryview], int],
        syntax: Syntax,
        *,
        head: bytes = b"",
        width: int,
        max_bytes: int,
    ) -> None:
        """Begin behind the header.

        Args:
            read: reads the next bytes into a buffer and returns their number.
            syntax: the syntax, as far as it is known.
            head: bytes that were read already.
            width: the number of columns.
            max_bytes: the bytes of a record that no table has.
        """
        self.read, self.syntax, self.width, self.max_bytes = read, syntax, width, max_bytes
        self.buffer = bytearray(max(len(head), BLOCK_BYTES))
        self.buffer[: len(head)] = head
        self.size = len(head)

    def records(self) -> Iterator[tuple[memoryview, Syntax]]:
        """Yield records, with the syntax that they are written in, each valid until the next.

        Raises:
            BrokenQuoteError: a cell goes on after its closing quote, or the file ends in one.
            RecordTooLongError: a record is too long.
        """
        is_last = False
        while not is_last:
            if self.size == len(self.buffer):
                if self.size > self.max_bytes:
                    raise RecordTooLongError
                self.buffer = self.buffer + bytearray(len(self.buffer))
            is_last = self._fill()
            end = self._end(is_last)
            if end:
                yield memoryview(self.buffer)[:end], self.current
                self.buffer[: self.size - end] = self.buffer[end : self.size]
                self.size -= end

    def _fill(self) -> bool:
        """Fill the buffer, and return whether the file ends there."""
        view = memoryview(self.buffer)
        while self.size < len(view):
            count = self.read(view[self.size :])
            if not count:
                return True
            self.size += count
        return False

    def _end(self, is_last: bool) -> int:
        """Return the number of bytes of whole records."""
        self.current = self.syntax
        if self.syntax.is_undecided:
            end = self.size if is_last else self.buffer.rfind(self.syntax.line_end, 0, self.size) + 1
            if not _begins_quoted(self.buffer, end, syntax=self.syntax):
                self.current = replace(self.syntax, quote=b"")
                return end
            self.current = self.syntax = _decided(self.buffer, end, syntax=self.syntax, width=self.width)
        try:
            marks = quote_marks(self.buffer, self.size, syntax=self.syntax, is_last=is_last)
        except QuoteError as error:
            raise BrokenQuoteError(bytes(self.buffer[: self.size]), error) from error
        return (
            self.size
            if is_last
            else _last_record_end(self.buffer, self.size, syntax=self.syntax, marks=marks)
        )


def _begins_quoted(data: Data, size: int, *, syntax: Syntax) -> bool:
    """Return whether a quote begins a cell."""
    quote = syntax.quote
    return data.find(quote, 0, size) >= 0 and (
        data.startswith(quote)
        or data.find(syntax.line_end + quote, 0, size) >= 0
        or data.find(syntax.separator + quote, 0, size) >= 0
    )


def _decided(data: Data, size: int, *, syntax: Syntax, width: int) -> Syntax:
    """Return the syntax with quotes; without, where each line is a record and its quotes are no pairs around cells."""
    buffer = np.frombuffer(data, np.uint8, size)
    separators = np.flatnonzero(buffer == syntax.separator[0])
    line_ends = np.flatnonzero(buffer == syntax.line_end[0])
    ends = np.append(line_ends, size)
    counts = np.diff(np.searchsorted(separators, ends), prepend=0)
    lengths = np.diff(ends, prepend=-1) - 1
    is_blank = (lengths == 0) | ((lengths == 1) & (buffer[np.maximum(ends - 1, 0)] == ord("\r")))
    quoted = replace(syntax, is_undecided=False)
    if (counts[~is_blank] != width - 1).any():
        return quoted
    plain = replace(quoted, quote=b"")
    try:
        marks = quote_marks(data, size, syntax=quoted, is_last=True)
    except QuoteError:
        return plain
    runs_on = any(len(outside(places, marks)) < len(places) for places in (separators, line_ends))
    return plain if runs_on else quoted


def cells(data: bytes, syntax: Syntax, *, marks: Positions) -> Iterator[list[bytes]]:
    """Yield the cells of each record as they are written, blank lines left out. One record at a time: for errors and headers."""
    buffer = np.frombuffer(data, np.uint8)
    is_end = np.zeros(256, bool)
    is_end[[syntax.separator[0], *_LINE_ENDS]] = True
    ends = outside(np.flatnonzero(is_end[buffer]), marks).tolist()
    record: list[bytes] = []
    start = 0
    for end in [*ends, len(data)]:
        record.append(data[start:end])
        start = end + 1
        if data[end : end + 1] != syntax.separator:
            if record != [b""]:
                yield record
            record = []


def unquoted(cell: bytes, syntax: Syntax) -> bytes:
    """Return the content of a cell."""
    if syntax.quote and len(cell) > 1 and cell.startswith(syntax.quote) and cell.endswith(syntax.quote):
        cell = cell[1:-1].replace(2 * syntax.quote, syntax.quote)
    return re.sub(re.escape(syntax.escape) + b"(.)", rb"\1", cell, flags=re.DOTALL) if syntax.escape else cell
