"""CSV and TSV files in batches. An empty cell is null; lists are written as JSON."""

import io
import re
from collections.abc import Collection, Iterator, Mapping

import polars as pl
import pyarrow as pa
import pyarrow.csv

from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.types import arrow_type, convert, is_nested

_BLOCK_BYTES = 2 << 20  # Arrow reads ahead: memory is some twenty times a block
_GROWTH = 8
_MAX_BLOCK_BYTES = _BLOCK_BYTES * _GROWTH**2


def column_names(file: InputFile, delimiter: str = ",") -> list[str]:
    """Return the columns of the header."""
    with file.stream() as stream:
        header = io.BufferedReader(stream).readline()
    try:
        frame = pl.read_csv(io.BytesIO(header), separator=delimiter, has_header=False, infer_schema=False)
    except pl.exceptions.NoDataError:
        return []
    return [str(name).removeprefix("\ufeff") for name in frame.row(0)]


def read(
    file: InputFile,
    columns: Mapping[str, pl.DataType],
    rows: int,
    strict: Collection[str],
    delimiter: str = ",",
) -> Iterator[pl.DataFrame]:
    """Yield the rows, a block of the file at a time; `rows` is not needed, since blocks are small."""
    first_row, block = 1, _BLOCK_BYTES
    while True:
        try:
            for frame in _blocks(file, columns, delimiter, block, first_row - 1):
                yield convert(_decoded(frame, file, columns, first_row), file, columns, strict, first_row)
                first_row += frame.height
            return
        except (pa.ArrowInvalid, OSError) as error:
            text = str(error)
            if "Empty CSV file" in text:
                return
            if "straddling object" not in text:
                raise _fault(file, delimiter, text) from error
            block *= _GROWTH  # a row is longer than a block: read again after the rows that were read
            if block > _MAX_BLOCK_BYTES:
                raise ValueError(
                    f"{file}: row {first_row} or one soon after it: longer than {_MAX_BLOCK_BYTES >> 20} MiB; is a quote not closed?"
                ) from error


def _blocks(
    file: InputFile,
    columns: Mapping[str, pl.DataType],
    delimiter: str,
    block: int,
    skipped: int,
) -> Iterator[pl.DataFrame]:
    plain = {n: pa.large_string() if is_nested(t) else arrow_type(t) for n, t in columns.items()}
    with file.stream() as stream:
        reader = pa.csv.open_csv(
            stream,
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=block),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=plain, include_columns=list(columns), null_values=[""], strings_can_be_null=True
            ),
        )
        for batch in reader:
            if skipped < batch.num_rows:
                yield pl.DataFrame(pl.from_arrow(batch.slice(skipped)))
            skipped = max(0, skipped - batch.num_rows)


def _decoded(
    frame: pl.DataFrame, file: InputFile, columns: Mapping[str, pl.DataType], first: int
) -> pl.DataFrame:
    nested = {name: dtype for name, dtype in columns.items() if is_nested(dtype)}
    return frame.with_columns(
        [_decode_cells(frame[name], dtype, file, first) for name, dtype in nested.items()]
    )


def _fault(file: InputFile, delimiter: str, text: str) -> ValueError:
    """Return Arrow's message with rows counted from 1 after the header, and with names of columns."""
    text = re.sub(r"Row #(\d+)", lambda m: f"row {int(m[1]) - 1}", text)
    text = re.sub(
        r"CSV column #(\d+)", lambda m: f"column {column_names(file, delimiter)[int(m[1])]!r}", text
    )
    return ValueError(f"{file}: {text}")


def _decode_cells(cells: pl.Series, dtype: pl.DataType, file: InputFile, first: int) -> pl.Series:
    try:
        return cells.str.json_decode(dtype)
    except pl.exceptions.ComputeError as error:
        for row, cell in enumerate(cells, first):
            try:
                pl.Series([cell]).str.json_decode(dtype)
            except pl.exceptions.ComputeError:
                raise ValueError(
                    f"{file}: row {row}, column {cells.name!r}: value {cell!r}, expected {dtype} written as JSON"
                ) from error
        raise
