"""The lines of a text file with their numbers, and what its name is without the suffixes of formats."""

from collections.abc import Iterator

from mgm.corpus.readers import DEFAULT_DIALECT
from mgm.corpus.readers.encoding import Utf8Reader
from mgm.corpus.readers.input_files import InputFile

_BLOCK_BYTES = 1 << 20
_SUFFIXES = (".gz", ".zst", ".conll", ".conllu", ".conllup", ".iob", ".iob2", ".bio", ".bioes", ".txt", ".tsv", ".spacy", ".jsonl", ".json")  # fmt: skip


def stem(file: InputFile) -> str:
    """Return the path of a file below the export without the suffixes of its format; `eng.testa` has none."""
    name = file.relative
    while suffix := next((suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)), ""):
        name = name[: -len(suffix)]
    return name


def lines(file: InputFile) -> Iterator[tuple[int, str]]:
    """Yield the number of each line, from 1, and the line without its end; `.gz` and `.zst` are unpacked.

    Raises:
        ValueError: the file is damaged or not UTF-8.
    """
    with file.stream() as stream:
        reader = Utf8Reader(file, stream, dialect=DEFAULT_DIALECT)
        number, pending = 0, b""
        while block := reader.read(_BLOCK_BYTES):
            *whole, pending = (pending + block).split(b"\n")
            for line in whole:
                number += 1
                yield number, _decoded(line, file, number=number)
        if pending:
            yield number + 1, _decoded(pending, file, number=number + 1)


def _decoded(line: bytes, file: InputFile, *, number: int) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}: line {number}: byte {error.start + 1} of the line is no UTF-8 ({line[error.start : error.start + 4]!r}); "
            "expected UTF-8: `iconv -f <encoding> -t UTF-8` converts the file"
        ) from None
