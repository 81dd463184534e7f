"""Tables of raw rows whose columns are not known beforehand: a typed look at the first rows, and the rewriting of a table."""

import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.readers import DEFAULT_DIALECT, Dialect, InputFile, column_names, input_files, read_batches
from mgm.corpus.readers.jsonl import line_blocks

SAMPLE_ROWS = 20_000
_SAMPLE_BYTES = 64 << 20
_DELIMITED = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = ".parquet"


def table_file(path: Path) -> InputFile:
    """Return the input that one table is.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a folder, plain text, or an unknown format.
    """
    if path.is_dir():
        raise ValueError(f"{path}: a folder; expected a file: Parquet, JSONL, CSV or TSV")
    (file,) = input_files(path)
    if table_format(file) not in (*_DELIMITED, *JSON_LINES, PARQUET):
        raise ValueError(f"{path}: plain text has no columns; expected Parquet, JSONL, CSV or TSV")
    return file


def table_format(file: InputFile) -> str:
    """Return the suffix of a table's format, without that of its compression."""
    return [s for s in file.suffixes if s not in (".gz", ".zst")][-1]


def read_sample(
    file: InputFile, rows: int = SAMPLE_ROWS, *, dialect: Dialect = DEFAULT_DIALECT
) -> pl.DataFrame:
    """Return the first rows of a table, with types that fit all their values: of CSV and TSV those that its texts look like.

    Raises:
        ValueError: the file cannot be read; no rows.
    """
    kind = table_format(file)
    if kind in _DELIMITED:
        frame = _typed(_read_texts(file, rows, dialect=dialect), dialect.decimal)
    elif kind == PARQUET:
        frame = _loose(_read_parquet(file, rows))
    else:
        frame = _loose(_read_json(file, _first_lines(file, dialect)).head(rows))
    if frame.is_empty():
        raise ValueError(f"{file}: expected at least one row")
    return frame


def read_whole(file: InputFile, *, dialect: Dialect = DEFAULT_DIALECT) -> pl.DataFrame:
    """Return all rows of a table; those of CSV and TSV as texts, null where a cell is empty."""
    kind = table_format(file)
    if kind in _DELIMITED:
        return _read_texts(file, None, dialect=dialect)
    if kind == PARQUET:
        return _read_parquet(file, None)
    return _read_json(file, b"".join(line_blocks(file, dialect)))


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write rows in the format that the name says, uncompressed; lists are JSON in CSV and TSV."""
    if path.suffix in _DELIMITED:
        nested = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
        encoded = [
            pl.Series(name, [_as_json(value) for value in frame[name].to_list()], dtype=pl.String)
            for name in nested
        ]
        frame.with_columns(encoded).write_csv(path, separator=_DELIMITED[path.suffix])
    elif path.suffix == PARQUET:
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)


def _read_texts(file: InputFile, rows: int | None, *, dialect: Dialect) -> pl.DataFrame:
    names = column_names(file, dialect=dialect)
    types = dict.fromkeys(names, pl.String())
    batches = []
    for batch in read_batches(file, types, rows=rows or SAMPLE_ROWS, strict=(), dialect=dialect):
        batches.append(batch)
        if rows is not None:
            break
    return pl.concat(batches) if batches else pl.DataFrame(schema=types)


def _read_parquet(file: InputFile, rows: int | None) -> pl.DataFrame:
    try:
        return pl.read_parquet(file.path, n_rows=rows, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(f"{file}: damaged: {error}") from error


def _read_json(file: InputFile, data: bytes) -> pl.DataFrame:
    if not data.strip():
        return pl.DataFrame()
    try:
        return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(f"{file}: expected one JSON object a line, and one type a key: {error}") from error


def _first_lines(file: InputFile, dialect: Dialect) -> bytes:
    blocks: list[bytes] = []
    for block in line_blocks(file, dialect):
        blocks.append(block)
        if sum(map(len, blocks)) >= _SAMPLE_BYTES:
            break
    return b"".join(blocks)


def _loose(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame in which categories are texts, arrays lists, and decimals numbers."""
    casts: list[pl.Expr] = []
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Categorical | pl.Enum):
            casts.append(pl.col(name).cast(pl.String))
        elif isinstance(dtype, pl.Array):
            casts.append(pl.col(name).cast(pl.List(dtype.inner)))
        elif isinstance(dtype, pl.Decimal):
            casts.append(pl.col(name).cast(pl.Float64))
    return frame.with_columns(casts)


def _typed(frame: pl.DataFrame, decimal: str) -> pl.DataFrame:
    """Return a frame of texts with lists, numbers and truth values in place of columns that are nothing but their texts."""
    return pl.DataFrame([_typed_column(column, decimal) for column in frame])


def _typed_column(texts: pl.Series, decimal: str) -> pl.Series:
    values = texts.drop_nulls()
    if values.is_empty():
        return texts
    if values.str.starts_with("[").all():
        return _decoded(texts)
    # a number with a leading zero is a code
    if values.str.contains(r"^-?(0|[1-9]\d{0,17})$").all():
        return texts.cast(pl.Int64)
    point = re.escape(decimal)
    is_number = values.str.contains(rf"^-?\d+{point}?\d*([eE][-+]?\d+)?$")
    if is_number.all() and values.str.contains(rf"{point}|[eE]").any():
        return texts.str.replace(decimal, ".", literal=True).cast(pl.Float64)
    return texts


def _decoded(texts: pl.Series) -> pl.Series:
    try:
        lists = [None if text is None else json.loads(text) for text in texts]
        return pl.Series(texts.name, lists, strict=True)
    except (ValueError, TypeError, pl.exceptions.PolarsError):
        return texts


def _as_json(value: list[Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
