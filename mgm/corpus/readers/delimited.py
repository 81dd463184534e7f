"""CSV and TSV files in batches. An empty cell is null; lists are written as JSON."""

import io
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv

from mgm.corpus.readers.stream import open_stream
from mgm.corpus.readers.types import arrow_type, convert, is_nested

_CSV_BLOCK = 8 << 20


def names(file: Path, delimiter: str = ",") -> list[str]:
    """The columns of the header."""
    with open_stream(file) as stream:
        header = io.BufferedReader(stream).readline()
    try:
        frame = pl.read_csv(io.BytesIO(header), separator=delimiter, has_header=False, infer_schema=False)
    except pl.exceptions.NoDataError:
        return []
    return [str(name).removeprefix("\ufeff") for name in frame.row(0)]


def read(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str], delimiter: str = ","
) -> Iterator[pl.DataFrame]:
    plain = {n: pa.large_string() if is_nested(t) else arrow_type(t) for n, t in columns.items()}
    first = 1
    try:
        with open_stream(file) as stream:
            reader = pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK),
                parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pa.csv.ConvertOptions(
                    column_types=plain,
                    include_columns=list(columns),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            for batch in reader:
                frame = pl.DataFrame(pl.from_arrow(batch))
                for name, dtype in columns.items():
                    if is_nested(dtype):
                        frame = frame.with_columns(_decode_cells(frame[name], dtype, file, first))
                yield convert(frame, file, columns, strict, first)
                first += frame.height
    except (pa.ArrowInvalid, OSError) as error:
        text = str(error)
        if "Empty CSV file" in text:
            return
        text = re.sub(r"Row #(\d+)", lambda m: f"row {int(m[1]) - 1}", text)
        text = re.sub(r"CSV column #(\d+)", lambda m: f"column {names(file, delimiter)[int(m[1])]!r}", text)
        raise ValueError(f"{file}: {text}") from error


def _decode_cells(cells: pl.Series, dtype: pl.DataType, file: Path, first: int) -> pl.Series:
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
