"""Raw rows in: Parquet, JSONL, CSV and TSV, plain or compressed (.gz, .zst), a file or a folder of files, in bounded batches.

Rows are counted from 1 in every message; a table's header is not a row.
"""

import io
import itertools
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from mgm.settings import nearest

_FORMATS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}
_COMPRESSED = (".gz", ".zst")
_PEEK_ROWS = 1_000
_CSV_BLOCK = 8 << 20


def input_files(path: Path) -> list[Path]:
    """The files of an input, sorted by name. A file of an unknown format stops: it would be lost silently.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a file of another format, or a folder without files.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_file():
        files = [path]
    else:
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
        if not files:
            raise ValueError(f"{path}: the folder holds no files")
    for file in files:
        _format(file)
    return files


def _format(file: Path) -> str:
    suffixes = [s for s in file.suffixes if s not in _COMPRESSED]
    if not suffixes or suffixes[-1] not in _FORMATS:
        raise ValueError(
            f"{file}: unknown format; expected one of {', '.join(_FORMATS)}, also with .gz or .zst (not .parquet)"
        )
    return _FORMATS[suffixes[-1]]


def column_names(path: Path) -> list[str]:
    """The columns of an input that all its files have (of JSONL: the keys of the first 1,000 rows of each)."""
    names: dict[str, None] | None = None
    for file in input_files(path):
        found = _names(file)
        names = dict.fromkeys(found if names is None else [n for n in names if n in found])
    return list(names or [])


def _names(file: Path) -> list[str]:
    kind = _format(file)
    if kind == "parquet":
        with _opened_parquet(file) as parquet:
            return list(parquet.schema_arrow.names)
    if kind == "jsonl":
        keys: dict[str, None] = {}
        with _lines(file) as lines:
            for row, line in enumerate(itertools.islice(lines, _PEEK_ROWS), 1):
                keys |= dict.fromkeys(_json_row(file, row, line)) if line.strip() else {}
        return list(keys)
    with _open(file) as stream:
        header = io.BufferedReader(stream).readline()
    delimiter = "\t" if kind == "tsv" else ","
    try:
        frame = pl.read_csv(io.BytesIO(header), separator=delimiter, has_header=False, infer_schema=False)
    except pl.exceptions.NoDataError:
        return []
    return [str(name).removeprefix("\ufeff") for name in frame.row(0)]


def read_batches(
    path: Path,
    columns: Mapping[str, pl.DataType],
    rows: int,
    strict: Collection[str] = ("text",),
) -> Iterator[pl.DataFrame]:
    """The rows of an input in file order, in frames of `rows` rows (the last may be shorter), with exactly `columns`.

    A frame may span files. Whole numbers in a string column become strings, except in the `strict` ones.
    In CSV and TSV an empty cell is null, and lists are written as JSON.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: names the file, and the row and column where they are known: a missing column, a value of another
            type, bytes that are not UTF-8, a damaged file.
    """
    waiting: list[pl.DataFrame] = []
    height = 0
    for file in input_files(path):
        _require(file, columns)
        for frame in _READERS[_format(file)](file, columns, rows, strict):
            waiting.append(frame)
            height += frame.height
            if height >= rows:
                whole = pl.concat(waiting)
                cut = height - height % rows
                yield from (whole.slice(start, rows) for start in range(0, cut, rows))
                waiting, height = [whole.slice(cut)], height - cut
    if height:
        yield pl.concat(waiting)


def _require(file: Path, columns: Mapping[str, pl.DataType]) -> None:
    found = _names(file)
    if not found and _format(file) == "jsonl":
        return  # an empty file has no rows, hence no keys
    for name in columns:
        if name not in found:
            raise ValueError(f"{file}: no column {name!r}{nearest(name, found)}")


def _arrow_type(dtype: pl.DataType) -> pa.DataType:
    if isinstance(dtype, pl.List):
        return pa.list_(_arrow_type(_dtype(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pa.struct([(field.name, _arrow_type(_dtype(field.dtype))) for field in dtype.fields])
    if isinstance(dtype, pl.String):
        return pa.large_string()
    return pl.Series([], dtype=dtype).to_arrow().type


def _convert(
    frame: pl.DataFrame, file: Path, columns: Mapping[str, pl.DataType], strict: Collection[str], first: int
) -> pl.DataFrame:
    """`frame` with the types of `columns`; `first` is the number of its first row in the file."""
    done = []
    for name, dtype in columns.items():
        series = frame[name]
        if not _castable(series.dtype, dtype, name in strict):
            raise ValueError(f"{file}: column {name!r}: type {series.dtype}, expected {dtype}")
        try:
            done.append(series.cast(dtype, strict=True))
        except pl.exceptions.InvalidOperationError as error:
            bad = (series.is_not_null() & series.cast(dtype, strict=False).is_null()).arg_true()
            row = f", row {first + bad[0]}: value {series[bad[0]]!r}" if len(bad) else ""
            raise ValueError(f"{file}: column {name!r}{row}: expected {dtype}") from error
    return pl.DataFrame(done)


def _castable(found: pl.DataType, wanted: pl.DataType, strict: bool) -> bool:
    if found == pl.Null or found == wanted:
        return True
    if isinstance(wanted, pl.String):
        return isinstance(found, pl.Categorical | pl.Enum) or (
            not strict and (found.is_integer() or found == pl.Boolean)
        )
    if wanted.is_numeric():
        return found.is_numeric()
    if isinstance(wanted, pl.List) and isinstance(found, pl.List | pl.Array):
        return _castable(_dtype(found.inner), _dtype(wanted.inner), strict)
    if isinstance(wanted, pl.Struct) and isinstance(found, pl.Struct):
        have = {field.name: _dtype(field.dtype) for field in found.fields}
        return all(f.name in have and _castable(have[f.name], _dtype(f.dtype), strict) for f in wanted.fields)
    return False


def _dtype(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


# Parquet


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


def _read_parquet(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    first = 1
    with _opened_parquet(file) as parquet:
        try:
            for batch in parquet.iter_batches(batch_size=rows, columns=list(columns), use_threads=False):
                _check_utf8(file, batch, first)
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield _convert(frame, file, columns, strict, first)
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


# JSONL


def _open(file: Path) -> pa.NativeFile:
    try:
        return pa.input_stream(str(file), compression="detect")
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file}: cannot be opened: {error}") from error


class _lines:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> Iterator[bytes]:
        self.stream = _open(self.file)
        return self._read(io.BufferedReader(self.stream, 1 << 20))

    def _read(self, buffered: io.BufferedReader) -> Iterator[bytes]:
        try:
            yield from buffered
        except OSError as error:
            raise ValueError(f"{self.file}: damaged: {error}") from error

    def __exit__(self, *_: object) -> None:
        self.stream.close()


def _read_jsonl(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    first = 1
    with _lines(file) as lines:
        while chunk := list(itertools.islice(lines, rows)):
            if any(not line.strip() for line in chunk[:-1]) or not chunk[-1].strip():
                chunk = _without_blank_end(file, chunk, first)
                if not chunk:
                    return
            yield _convert(_json_frame(file, chunk, columns, strict, first), file, columns, strict, first)
            first += len(chunk)


def _without_blank_end(file: Path, chunk: list[bytes], first: int) -> list[bytes]:
    while chunk and not chunk[-1].strip():
        chunk.pop()
    for row, line in enumerate(chunk, first):
        if not line.strip():
            raise ValueError(f"{file}: row {row}: a blank line; expected one JSON object a line")
    return chunk


def _parse_json(data: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    options = pa.json.ParseOptions(
        explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
    )
    # One block, so that its rows keep their numbers, and a long row is no fault.
    read = pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    return pa.json.read_json(io.BytesIO(data), read_options=read, parse_options=options)


def _json_frame(
    file: Path, chunk: list[bytes], columns: Mapping[str, pl.DataType], strict: Collection[str], first: int
) -> pl.DataFrame:
    data = b"".join(chunk)
    try:
        data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start)
        broken = json.loads(chunk[row].decode("utf-8", errors="replace"))
        column = next((key for key, value in broken.items() if "\ufffd" in str(value)), None)
        raise ValueError(
            f"{file}: row {first + row}, column {column!r}: invalid UTF-8 (byte {data[error.start]:#04x}: {error.reason})"
        ) from error
    types = {name: _arrow_type(dtype) for name, dtype in columns.items()}
    for _ in range(len(columns) + 1):
        try:
            table = _parse_json(data, types)
            return pl.DataFrame(pl.from_arrow(table))
        except pa.ArrowInvalid as error:
            changed = re.search(r"Column\(/([^/)]+)\) changed from string to (number|boolean)", str(error))
            name = changed[1] if changed else ""
            if name not in types or name in strict or types[name] != pa.large_string():
                raise _json_error(file, chunk, columns, types, first, error) from error
            # Whole numbers (or truth values) as ids or labels are common: read as such, `_convert` makes them strings.
            types[name] = pa.int64() if changed and changed[2] == "number" else pa.bool_()
    raise AssertionError("each round settles one column")


def _json_row(file: Path, row: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8", errors="replace"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}: row {row}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{file}: row {row}: expected a JSON object, found {type(value).__name__}")
    return value


def _json_error(
    file: Path,
    chunk: list[bytes],
    columns: Mapping[str, pl.DataType],
    types: Mapping[str, pa.DataType],
    first: int,
    error: Exception,
) -> ValueError:
    """Finds the row and column that the parser stumbled over; only ever runs once, on the way out."""
    for row, line in enumerate(chunk, first):
        value = _json_row(file, row, line)
        for name, dtype in columns.items():
            try:
                _parse_json(line, {name: types[name]})
            except pa.ArrowInvalid:
                return ValueError(
                    f"{file}: row {row}, column {name!r}: value {value[name]!r}, expected {dtype}"
                )
    return ValueError(f"{file}: rows {first} to {first + len(chunk) - 1}: {error}")


# CSV and TSV


def _read_csv(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str], delimiter: str = ","
) -> Iterator[pl.DataFrame]:
    plain = {n: pa.large_string() if _is_nested(t) else _arrow_type(t) for n, t in columns.items()}
    first = 1
    try:
        with _open(file) as stream:
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
                    if _is_nested(dtype):
                        frame = frame.with_columns(_decode_cells(frame[name], dtype, file, first))
                yield _convert(frame, file, columns, strict, first)
                first += frame.height
    except (pa.ArrowInvalid, OSError) as error:
        text = str(error)
        if "Empty CSV file" in text:
            return
        text = re.sub(r"Row #(\d+)", lambda m: f"row {int(m[1]) - 1}", text)
        text = re.sub(r"CSV column #(\d+)", lambda m: f"column {_names(file)[int(m[1])]!r}", text)
        raise ValueError(f"{file}: {text}") from error


def _read_tsv(
    file: Path, columns: Mapping[str, pl.DataType], rows: int, strict: Collection[str]
) -> Iterator[pl.DataFrame]:
    return _read_csv(file, columns, rows, strict, "\t")


def _is_nested(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.List | pl.Struct)


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


_READERS = {"parquet": _read_parquet, "jsonl": _read_jsonl, "csv": _read_csv, "tsv": _read_tsv}
