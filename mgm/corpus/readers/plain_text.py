"""Plain-text files, one document each, named by their place.

Columns: doc_id, the path below the input without `.txt` (`.txt.gz`, `.txt.zst`), so that compressing a file changes
neither its id nor its split; text, the whole file without a byte order mark; folder, the first folder of the path, or
null. A document and its compressed copy have one id, which ingest refuses.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import polars as pl

from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.encoding import Utf8Reader, invalid_utf8
from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.rebatch import CHUNK_BYTES, MAX_ROW_BYTES
from mgm.corpus.readers.types import convert

COLUMNS = ("doc_id", "text", "folder")
SUFFIX = ".txt"

_THREADS = 8  # requests to an object store under way at once
_FILES = 1_000


def read(
    files: Sequence[InputFile],
    columns: Mapping[str, pl.DataType],
    *,
    rows: int,
    strict: Collection[str],
    dialect: Dialect,
) -> Iterator[pl.DataFrame]:
    """Yield the documents of files, some megabytes at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for group in _groups(files, min(rows, _FILES)):
            places = [file.relative.split("/") for file in group]
            frame = pl.DataFrame(
                {
                    "doc_id": [_id(file) for file in group],
                    "text": list(pool.map(partial(_text, dialect=dialect), group)),
                    "folder": [place[0] if len(place) > 1 else None for place in places],
                },
                schema=dict.fromkeys(COLUMNS, pl.String()),
            )
            yield convert(frame, group[0], columns=columns, strict=strict, first=1)


def _groups(files: Sequence[InputFile], max_files: int) -> Iterator[list[InputFile]]:
    """Yield consecutive files that have about CHUNK_BYTES together; few compressed ones, whose size tells nothing."""
    group: list[InputFile] = []
    size = packed = 0
    for file in files:
        group.append(file)
        size += file.size
        packed += file.compression is not None
        if size >= CHUNK_BYTES or len(group) == max_files or packed == _THREADS:
            yield group
            group, size, packed = [], 0, 0
    if group:
        yield group


def _id(file: InputFile) -> str:
    end = file.relative.lower().rindex(SUFFIX)
    return file.relative[:end]


def _text(file: InputFile, dialect: Dialect) -> str:
    with file.stream() as stream:
        reader = Utf8Reader(file, stream, dialect=dialect)
        blocks, size = list[bytes](), 0
        while block := reader.read(min(max(file.size, 1), CHUNK_BYTES)):
            blocks.append(block)
            size += len(block)
            if size > MAX_ROW_BYTES:
                raise ValueError(
                    f"{file}: longer than {MAX_ROW_BYTES >> 20} MiB; expected one document a file"
                )
    data = b"".join(blocks)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: byte {error.start}: {invalid_utf8(data, dialect)}") from error
