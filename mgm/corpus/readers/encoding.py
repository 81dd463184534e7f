"""Text files of any encoding as UTF-8: by the byte order mark, else by the setting, else UTF-16 where it is plain, or UTF-8."""

import codecs
import itertools

import pyarrow as pa

from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.input_files import InputFile, Unpacked, read_block, read_into

# UTF-32 before UTF-16, whose mark its own begins with
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_OTHER_FORMATS = {b"\x1f\x8b": "gzip (.gz)", b"\x28\xb5\x2f\xfd": "Zstandard (.zst)", b"PK\x03\x04": "a ZIP archive", b"PAR1": "Parquet (.parquet)"}  # fmt: skip
_SAMPLE_BYTES = 1 << 16
_DECODED_BYTES = 1 << 20


class Utf8Reader:
    """A reader of a file's bytes as UTF-8, without a byte order mark.

    Its methods raise UnpacksTooLarge where a compressed file goes on beyond the dialect's `max_unpacked`.
    """

    def __init__(self, file: InputFile, stream: pa.NativeFile, *, dialect: Dialect) -> None:
        self.file, self.stream, self.dialect = file, stream, dialect
        self.unpacked = Unpacked(file, dialect.max_unpacked)
        head = self._read_block(4)
        mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
        name = _MARKS[mark] if mark else dialect.encoding or _by_zeros(head)
        self.encoding = codecs.lookup(name).name
        self.decoder = None
        self.pending = head[len(mark) :]
        self.position = len(mark)
        """The number of bytes of the file that were decoded."""
        if self.encoding not in ("utf-8", "ascii"):
            self.decoder = codecs.getincrementaldecoder(self.encoding)("strict")
            self.pending = self._decode(self.pending, is_last=False)

    def read(self, size: int) -> bytes:
        """Return about as many bytes as `size`, none at the end of the file."""
        block, self.pending = self.pending, b""
        if self.decoder is None:
            return block + self._read_block(size)
        blocks = [block]
        while size > 0 and (block := self._more()):
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)

    def read_into(self, buffer: memoryview) -> int:
        """Read bytes into a buffer, and return their number, 0 at the end of the file."""
        if not self.pending and not self.decoder:
            count = read_into(self.file, self.stream, buffer=buffer)
            self.unpacked.add(count)
            return count
        if not self.pending:
            self.pending = self._more()
        count = min(len(buffer), len(self.pending))
        buffer[:count], self.pending = self.pending[:count], self.pending[count:]
        return count

    def _more(self) -> bytes:
        """Return the next bytes that a decoder gives, none at the end of the file."""
        while block := self._read_block(_DECODED_BYTES):
            if data := self._decode(block, is_last=False):
                return data
        return self._decode(b"", is_last=True)

    def _read_block(self, size: int) -> bytes:
        block = read_block(self.file, self.stream, size=size)
        self.unpacked.add(len(block))
        return block

    def _decode(self, block: bytes, *, is_last: bool) -> bytes:
        assert self.decoder is not None
        try:
            data = self.decoder.decode(block, is_last).encode("utf-8")
        except UnicodeError as error:
            found = f": {error.reason}" if isinstance(error, UnicodeDecodeError) else ""
            raise ValueError(
                f"{self.file}: invalid {self.encoding} among the bytes from {self.position} on{found}; "
                f"{self.dialect.setting('encoding')} names the encoding of files without a byte order mark"
            ) from error
        self.position += len(block)
        return data


def _by_zeros(head: bytes) -> str:
    """Return UTF-16 where the first four bytes are two ASCII characters in it, else UTF-8."""
    zeros = [byte == 0 for byte in head]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else "utf-8"


def invalid_utf8(data: bytes, dialect: Dialect, *, where: bytes | None = None) -> str:
    """Return the end of an error: the first byte that is not UTF-8, what the file is instead, and what reads it.

    Args:
        data: bytes that are not UTF-8.
        dialect: names the setting.
        where: more of the file, from which its encoding is guessed; None: `data`.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem, position = f"invalid UTF-8 (byte {data[error.start]:#04x}: {error.reason})", error.start
    else:
        raise AssertionError("these bytes are UTF-8")
    other = next((name for magic, name in _OTHER_FORMATS.items() if data.startswith(magic)), None)
    if other:
        return f"{problem}; the file looks like {other}, which its name must say"
    sample = data[max(0, position - _SAMPLE_BYTES // 2) :] if where is None else where
    encoding = guess_encoding(sample[:_SAMPLE_BYTES])
    if encoding is None:
        return f"{problem}; expected UTF-8"
    return f"{problem}; the file looks like {encoding}: {dialect.setting('encoding')} names its encoding"


def guess_encoding(sample: bytes) -> str | None:
    """Return the encoding that bytes that are not UTF-8 look like; None: UTF-8 with a damaged byte, or no text."""
    if sum(byte < 0x20 and byte not in b"\t\n\r" for byte in sample) * 20 > len(sample):
        return None
    text = sample.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    if sum(character > "\x7f" for character in text) > 2 * damaged:
        return None
    high = [byte > 0x7F for byte in sample]
    # bytes of alphabets stand among ASCII letters, those of Chinese side by side
    neighbours = sum(a and b for a, b in itertools.pairwise(high))
    if neighbours * 2 > sum(high):
        for encoding in ("gb18030", "big5", "shift_jis", "euc_kr"):
            if _is_mostly_han(sample, encoding):
                return encoding
    return "cp1252"


def _is_mostly_han(sample: bytes, encoding: str) -> bool:
    """Return whether bytes decode to characters that texts of East Asia are made of, in this encoding."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    others = [c for c in text if c > "\x7f"]
    return sum("\u2e80" <= c <= "\ud7ff" or "\uff00" <= c <= "\uffef" or c in "“”‘’…—" for c in others) * 10 > 9 * len(others)  # fmt: skip
