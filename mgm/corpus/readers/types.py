"""What a column must be: Arrow types to parse with, and the checked conversion of what was read."""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from mgm.corpus.readers.input_files import InputFile


def arrow_type(dtype: pl.DataType) -> pa.DataType:
    if isinstance(dtype, pl.List):
        return pa.list_(arrow_type(_dtype(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pa.struct([(field.name, arrow_type(_dtype(field.dtype))) for field in dtype.fields])
    if isinstance(dtype, pl.String):
        return pa.large_string()
    return pl.Series([], dtype=dtype).to_arrow().type


def convert(
    frame: pl.DataFrame,
    file: InputFile,
    columns: Mapping[str, pl.DataType],
    strict: Collection[str],
    first: int,
) -> pl.DataFrame:
    """`frame` with the types of `columns`; `first` is the number of its first row in the file."""
    done = []
    for name, dtype in columns.items():
        series = frame[name]
        if not _castable(series.dtype, dtype, name in strict):
            raise ValueError(f"{file}: column {name!r}: type {series.dtype}, expected {dtype}")
        series = _in_order(series, dtype)
        try:
            done.append(series.cast(dtype, strict=True))
        except pl.exceptions.InvalidOperationError as error:
            bad = (series.is_not_null() & series.cast(dtype, strict=False).is_null()).arg_true()
            row = f", row {first + bad[0]}: value {series[bad[0]]!r}" if len(bad) else ""
            raise ValueError(f"{file}: column {name!r}{row}: expected {dtype}") from error
    return pl.DataFrame(done)


def _in_order(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A list of structs with the wanted fields alone, in their order; anything else as it is."""
    inner = _dtype(dtype.inner) if isinstance(dtype, pl.List) else dtype
    if series.dtype == pl.Null or not isinstance(dtype, pl.List) or not isinstance(inner, pl.Struct):
        return series
    fields = [pl.element().struct.field(field.name) for field in inner.fields]
    return series.list.eval(pl.struct(fields))


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


def is_nested(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.List | pl.Struct)
