"""Parquet files in batches."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from mgm.corpus.readers.types import convert


def names(file: Path) -> list[str]:
    """The file's columns."""
    with _opened_parquet(file) as parquet:
        return list(parquet.schema_arrow.names)


class _opened_parquet:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> pa.parquet.ParquetFile:
        try:
            self.parquet = pa.parquet.ParquetFile(self.file)
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{self.file}: not a readable Parquet file: {error}") from error
        return self.parquet

    def __exit__(self, *_: object) -> None:
        self.parquet.close()


def read(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    first = 1
    with _opened_parquet(file) as parquet:
        try:
            for batch in parquet.iter_batches(batch_size=rows, columns=list(columns), use_threads=False):
                _check_utf8(file, batch, first)
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield convert(frame, file, columns, strict, first)
                first += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{file}: damaged after row {first - 1}: {error}") from error


def _check_utf8(file: Path, batch: pa.RecordBatch, first: int) -> None:
    """Parquet does not promise that strings are UTF-8, and nothing below checks it."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
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
