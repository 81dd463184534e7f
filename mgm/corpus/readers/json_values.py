"""JSON to values of a column's type: fast where Arrow's parser can, value by value where a row needs more or has a fault."""

import io
import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json

MAX_SHOWN = 80
"""The characters of a value that an error shows."""
_INT64 = range(-(2**63), 2**63)
_TOO_LARGE = 2**1023


class JsonError(Exception):
    """A value that is no JSON, or of another type than its column; the message says which."""


class JsonObject(dict[str, Any]):
    """An object, with the keys that it has twice."""

    repeated: frozenset[str] = frozenset()


def parse_lines(data: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Parse objects, one a line, and return these columns.

    Raises:
        pa.ArrowInvalid: no JSON, or a value of another type.
    """
    options = pa.json.ParseOptions(
        explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
    )
    # One block, so that its rows keep their numbers, and a long row is no fault.
    read = pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    return pa.json.read_json(io.BytesIO(data), read_options=read, parse_options=options)


def loads(text: str) -> Any:
    """Return the value of a JSON text; its objects are JsonObject.

    Raises:
        JsonError: no JSON.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise JsonError("not valid JSON: nested too deeply") from None
    except ValueError as error:
        raise JsonError(f"not valid JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = JsonObject(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        result.repeated = frozenset(key for key, count in counts.items() if count > 1)
    return result


_DECODER = json.JSONDecoder(object_pairs_hook=_object, strict=False)


def typed_value(value: Any, dtype: pl.DataType, *, is_loose: bool) -> Any:
    """Return a value of JSON as a value of a column.

    Args:
        value: the value.
        dtype: the type of the column.
        is_loose: whether a number or a truth value becomes a string where the type is one.

    Raises:
        JsonError: the value is of another type.
    """
    try:
        return _typed(value, dtype, is_loose=is_loose)
    except _OtherTypeError:
        raise JsonError(f"value {shown(value)}, expected {dtype}") from None


class _OtherTypeError(Exception):
    """A value, or one within it, is of another type."""


def _typed(value: Any, dtype: pl.DataType, *, is_loose: bool) -> Any:
    if value is None:
        return None
    if isinstance(dtype, pl.String):
        return _string(value, is_loose)
    if isinstance(dtype, pl.List) and isinstance(value, list):
        return [_typed(item, _dtype(dtype.inner), is_loose=is_loose) for item in value]
    if isinstance(dtype, pl.Struct) and isinstance(value, dict):
        return {field.name: _field(value, field, is_loose=is_loose) for field in dtype.fields}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and dtype.is_float():
        return math.copysign(math.inf, value) if abs(value) >= _TOO_LARGE else float(value)
    if is_number and dtype.is_integer() and isinstance(value, int) and value in _INT64:
        return value
    if isinstance(value, bool) and isinstance(dtype, pl.Boolean):
        return value
    raise _OtherTypeError


def _field(value: dict[str, Any], field: pl.Field, *, is_loose: bool) -> Any:
    if isinstance(value, JsonObject) and field.name in value.repeated:
        raise JsonError(f"the key {field.name!r} twice in one object; expected it once")
    return _typed(value.get(field.name), _dtype(field.dtype), is_loose=is_loose)


def _string(value: Any, is_loose: bool) -> str | None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            half = value[error.start]
            raise JsonError(
                f"lone surrogate (\\u{ord(half):04x} at character {error.start}); expected a whole character"
            ) from None
        return value
    if is_loose and isinstance(value, bool):
        return "true" if value else "false"
    if is_loose and isinstance(value, int):
        return str(value)
    if is_loose and isinstance(value, float):
        return number_text(value)
    raise _OtherTypeError


def number_text(value: float) -> str | None:
    """Return a number as the cast of a column of numbers writes it; NaN is none."""
    text: str = pl.Series([value]).cast(pl.String)[0]
    return None if math.isnan(value) else text


def shown(value: Any) -> str:
    """Return a value as an error shows it: on one line, and not at any length."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _dtype(dtype: Any) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype
