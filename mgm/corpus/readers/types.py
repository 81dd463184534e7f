"""The types of columns: Arrow types to parse with, and the checked conversion of values that were read.

A value of another type in a column of strings becomes the string that JSON and CSV have for it, the same in every format:
digits for whole numbers, the shortest digits for others (`1.0`, `0.1`), `true` and `false`, `2024-05-01 13:00:00` for times.
"""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from mgm.corpus.readers.input_files import InputFile
from mgm.corpus.readers.json_values import shown


def arrow_type(dtype: pl.DataType) -> pa.DataType:
    """Return the Arrow type that a column of a Polars type is parsed with."""
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
    *,
    columns: Mapping[str, pl.DataType],
    strict: Collection[str],
    first: int,
) -> pl.DataFrame:
    """Return a frame with the types of `columns`.

    Args:
        frame: rows as they were read.
        file: the file that errors name.
        columns: the columns with their types.
        strict: the string columns in which numbers and truth values are errors.
        first: the number of the first row in the file.

    Raises:
        ValueError: a value of another type.
    """
    converted = []
    for name, dtype in columns.items():
        series = frame[name]
        if not _is_castable(series.dtype, dtype, strict=name in strict):
            raise ValueError(f"{file}: column {name!r}: type {series.dtype}, expected {dtype}")
        series = _in_order(series, dtype)
        try:
            converted.append(
                _as_text(series) if isinstance(dtype, pl.String) else series.cast(dtype, strict=True)
            )
        except pl.exceptions.InvalidOperationError as error:
            bad = (series.is_not_null() & series.cast(dtype, strict=False).is_null()).arg_true()
            row = f", row {first + bad[0]}: value {shown(series[bad[0]])}" if len(bad) else ""
            raise ValueError(f"{file}: column {name!r}{row}: expected {dtype}") from error
    return pl.DataFrame(converted)


def _as_text(series: pl.Series) -> pl.Series:
    """Return values as strings; NaN, which is no number, is no label or id either."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
    if not isinstance(series.dtype, pl.Datetime | pl.Time):
        return series.cast(pl.String(), strict=True)
    digits = (
        r"\.(\d*?)0*([+-].*)?$"  # of the fraction all that the unit has are written, of which most are zeros
    )
    return series.dt.to_string("iso").str.replace(digits, ".$1$2").str.replace(r"\.([+-].*)?$", "$1")


def _in_order(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return a list of structs with the fields of the type alone, in their order; anything else as it is."""
    if not isinstance(dtype, pl.List) or not isinstance(series.dtype, pl.List | pl.Array):
        return series
    inner, actual = _dtype(dtype.inner), _dtype(series.dtype.inner)
    if not isinstance(inner, pl.Struct) or not isinstance(actual, pl.Struct):
        return series
    if isinstance(series.dtype, pl.Array):
        series = series.arr.to_list()
    fields = pl.struct([pl.element().struct.field(field.name) for field in inner.fields])
    return series.list.eval(pl.when(pl.element().is_not_null()).then(fields))


def _is_castable(actual: pl.DataType, declared: pl.DataType, *, strict: bool) -> bool:
    if actual == pl.Null or actual == declared:
        return True
    if isinstance(declared, pl.String):
        return isinstance(actual, pl.Categorical | pl.Enum) or (
            not strict
            and (actual.is_numeric() or isinstance(actual, pl.Boolean | pl.Date | pl.Datetime | pl.Time))
        )
    if declared.is_integer():  # numbers with a fraction would lose it
        return actual.is_integer()
    if declared.is_numeric():
        return actual.is_numeric()
    if isinstance(declared, pl.List) and isinstance(actual, pl.List | pl.Array):
        return _is_castable(_dtype(actual.inner), _dtype(declared.inner), strict=strict)
    if isinstance(declared, pl.Struct) and isinstance(actual, pl.Struct):
        have = {field.name: _dtype(field.dtype) for field in actual.fields}
        return all(
            f.name in have and _is_castable(have[f.name], _dtype(f.dtype), strict=strict)
            for f in declared.fields
        )
    return False


def _dtype(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype


def is_nested(dtype: pl.DataType) -> bool:
    """Return whether values of a type are lists or structs."""
    return isinstance(dtype, pl.List | pl.Struct)
