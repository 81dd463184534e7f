"""Parquet files in batches."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from mgm.corpus.readers.dialect import Dialect
from mgm.corpus.readers.input_files import BUFFER_BYTES, InputFile, Unpacked
from mgm.corpus.readers.rebatch import CHUNK_BYTES
from mgm.corpus.readers.types import convert

_BATCH_ROWS = (
    256  # decoded at a time at most: the size of a row group gives the mean size of its rows, not the largest
)
_MAX_REPEATED_BYTES = 256 << 20
"""Bytes of a batch where each of its rows repeats the longest value that a column may have."""
_HEADER_BYTES = 32
_INT32 = 0x15
"""The byte before a field of 32 bits that follows the field before it."""
_DICTIONARY_PAGE = 2


def column_names(file: InputFile, dialect: Dialect, *, wanted: Collection[str] = ()) -> list[str]:
    """Return the columns of a file."""
    with _opened(file) as parquet:
        try:
            return list(parquet.schema_arrow.names)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise ValueError(f"{file}: its columns cannot be read: {error}") from error


@contextmanager
def _opened(file: InputFile) -> Iterator[pa.parquet.ParquetFile]:
    with file.random_access() as stream:
        try:
            # Buffered, or each column of a row group is read whole, and a file may be one row group.
            parquet = pa.parquet.ParquetFile(stream, buffer_size=BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{file}: not a readable Parquet file: {error}") from error
        yield parquet


def read(
    file: InputFile,
    columns: Mapping[str, pl.DataType],
    *,
    rows: int,
    strict: Collection[str],
    dialect: Dialect,
) -> Iterator[pl.DataFrame]:
    """Yield the rows, as many at a time as about CHUNK_BYTES hold, at most `rows`, for any sizes of row groups."""
    first_row = 1
    with _opened(file) as parquet:
        unpacked = Unpacked(file, dialect.max_unpacked)
        try:
            longest = _longest_repeated(file, parquet.metadata, columns=columns)
            batches = parquet.iter_batches(
                batch_size=min(_batch_rows(parquet.metadata), max(1, _MAX_REPEATED_BYTES // max(longest, 1))),
                columns=list(columns),
                use_threads=False,
            )
            for table in _gathered(batches, rows):
                _check_utf8(file, table, first=first_row)
                # without the metadata, which need not be text
                plain = pa.Table.from_arrays(table.columns, names=table.schema.names)
                frame = pl.DataFrame(pl.from_arrow(plain))
                unpacked.add(table.nbytes)
                yield convert(frame, file, columns=columns, strict=strict, first=first_row)
                first_row += table.num_rows
            if first_row - 1 != parquet.metadata.num_rows:
                raise ValueError(
                    f"{file}: damaged: {first_row - 1} rows, expected {parquet.metadata.num_rows} as its footer says"
                )
        except (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PanicException) as error:
            raise ValueError(f"{file}: damaged after row {first_row - 1}: {error}") from error


def _batch_rows(metadata: pa.parquet.FileMetaData) -> int:
    """Return the number of rows that have about CHUNK_BYTES in the row group with the largest rows."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    largest = max((g.total_byte_size / max(g.num_rows, 1) for g in groups), default=1.0)
    return max(1, min(_BATCH_ROWS, int(CHUNK_BYTES / max(largest, 1.0))))


def _longest_repeated(file: InputFile, metadata: pa.parquet.FileMetaData, *, columns: Collection[str]) -> int:
    """Return the bytes of the largest dictionary of these columns, a limit of the value that rows can repeat.

    It stands before a dictionary, which the footer does not tell: some kilobytes may unpack to a value of a gigabyte, in each row.
    """
    longest = 0
    with file.random_access() as stream:
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(number)
                if chunk.path_in_schema.partition(".")[0] in columns:
                    offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
                    stream.seek(max(0, min(offset for offset in offsets if offset is not None)))
                    longest = max(longest, _dictionary_bytes(stream.read(_HEADER_BYTES)))
    return longest


def _dictionary_bytes(header: bytes) -> int:
    """Return the bytes of a dictionary's page before compression, by its header; 0: it is a page of another type.

    Source: https://github.com/apache/parquet-format (PageHeader, in Thrift's compact protocol).
    """
    fields, place = list[int](), 0
    while len(fields) < _DICTIONARY_PAGE and header[place : place + 1] == bytes([_INT32]):
        value = shift = 0
        for byte in header[place + 1 :]:
            place, value, shift = place + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        place += 1
        fields.append(value >> 1)
    return fields[1] if fields[:1] == [_DICTIONARY_PAGE] and len(fields) > 1 else 0


def _gathered(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    height = size = 0
    for batch in batches:
        waiting.append(batch)
        height, size = height + batch.num_rows, size + batch.nbytes
        if size >= CHUNK_BYTES or height >= rows:
            yield pa.Table.from_batches(waiting)
            waiting, height, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _check_utf8(file: InputFile, table: pa.Table, *, first: int) -> None:
    """Check that strings are UTF-8, which Parquet does not promise and nothing else checks."""
    for name, column in zip(table.schema.names, table.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            row = next((i for i, value in enumerate(column) if not _valid(value)), None)
            at = "" if row is None else f", row {first + row}"
            raise ValueError(f"{file}: column {name!r}{at}: invalid UTF-8 ({error})") from error


def _valid(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return False
    return True
