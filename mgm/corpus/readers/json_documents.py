"""JSON files that are no JSONL: an array of objects, or objects over several lines, as lines of one object each."""

import codecs
import json
import re
from collections.abc import Iterator

from mgm.corpus.readers.encoding import Utf8Reader
from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.rebatch import CHUNK_BYTES

_BLANKS = re.compile(r"[ \t\n\r]*")
_CUT = 16  # characters from the end of what was read within which an error may come from the cut


def is_spread(head: bytes) -> bool:
    """Return whether a file that begins so is an array, or has objects over several lines."""
    if head.lstrip().startswith(b"["):
        return True
    line, end, _ = head.partition(b"\n")
    return head.startswith(b"{") and bool(end) and not line.rstrip().endswith(b"}")


def spread_rows(file: InputFile, head: bytes, *, reader: Utf8Reader, max_bytes: int) -> Iterator[bytes]:
    """Yield the objects as lines, as many at a time as about CHUNK_BYTES hold.

    Args:
        file: the file that errors name.
        head: the bytes that were read already.
        reader: reads the others.
        max_bytes: the size of an object that no row has.

    Raises:
        ValueError: no JSON; names the row and the line.
    """
    scan = _Scan(file, head, reader=reader, max_bytes=max_bytes)
    lines: list[bytes] = []
    size = 0
    for row in scan.rows():
        # JSON has line breaks between its parts alone; bytes that are not UTF-8 come back as they were
        line = row.replace("\n", " ").replace("\r", " ").encode("utf-8", errors="surrogateescape")
        lines.append(line + b"\n")
        size += len(line)
        if size >= CHUNK_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)


class _Scan:
    """A scan of the text of a file for its objects."""

    def __init__(self, file: InputFile, head: bytes, *, reader: Utf8Reader, max_bytes: int) -> None:
        self.file, self.reader, self.max_bytes = file, reader, max_bytes
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text = self.decoder.decode(head)
        self.at = 0
        self.row, self.line = 1, 1
        """The number of the row that is next, and of the line that `text` begins in."""
        self.is_last = False

    def rows(self) -> Iterator[str]:
        """Yield the text of each object."""
        is_array = self._next() == "["
        self.at += is_array
        while (character := self._next()) not in ("", "]"):
            if is_array and self.row > 1:
                if character != ",":
                    raise self._error("expected a comma or the end of the array")
                self.at += 1
                self._next()
            yield self._value()
            self.row += 1
        if is_array:
            if not character:
                raise self._error("the file ends within the array")
            self.at += 1
        if self._next():
            raise self._error("more behind the end of the array" if is_array else "expected an object")

    def _next(self) -> str:
        """Return the next character that is no blank, none at the end of the file."""
        while True:
            match = _BLANKS.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text) or not self._more():
                return self.text[self.at : self.at + 1]

    def _more(self) -> bool:
        """Read on, as much as is at hand already, and return whether there was more."""
        if self.is_last:
            return False
        if len(self.text) - self.at > self.max_bytes:
            raise self._error(f"longer than {self.max_bytes >> 20} MiB; expected JSON objects")
        self.line += self.text.count("\n", 0, self.at)
        blocks = [self.text[self.at :]]
        size = len(blocks[0])
        while not self.is_last and len(blocks) * CHUNK_BYTES <= size + CHUNK_BYTES:
            block = self.reader.read(CHUNK_BYTES)
            self.is_last = not block
            blocks.append(self.decoder.decode(block, self.is_last))
        self.text, self.at = "".join(blocks), 0
        return True

    def _value(self) -> str:
        while True:
            try:
                _, end = _JSON.raw_decode(self.text, self.at)
                if end < len(self.text) or not self._more():
                    value = self.text[self.at : end]
                    self.at = end
                    return value
            except json.JSONDecodeError as error:
                is_cut = error.pos > len(self.text) - _CUT or error.msg.startswith("Unterminated string")
                if self.is_last or not is_cut:
                    self.at = error.pos
                    raise self._error(f"not valid JSON: {error.msg}") from error
                self._more()
            except RecursionError:
                raise self._error("not valid JSON: nested too deeply") from None

    def _error(self, problem: str) -> ValueError:
        line = self.line + self.text.count("\n", 0, self.at)
        return ValueError(f"{self.file}: row {self.row}, line {line}: {problem}")


_JSON = json.JSONDecoder()
