"""Texts in the forms that users have them, as a frame."""

from collections.abc import Iterable

import polars as pl

from mgm.settings.names import nearest

Texts = str | Iterable[str | None] | pl.Series | pl.DataFrame
"""A text, several ones, or a frame with a column `text`; None is a missing text."""
TEXT = "text"


def to_frame(texts: Texts) -> pl.DataFrame:
    """Return texts as a frame with a string column `text`; of a frame the other columns stay.

    Raises:
        ValueError: a frame without a column `text`, or a text that is not valid Unicode.
        TypeError: something else than texts.
    """
    if isinstance(texts, pl.DataFrame):
        if TEXT not in texts.columns:
            raise ValueError(f"the frame has no column {TEXT!r}{nearest(TEXT, texts.columns)}")
        return texts.with_columns(_check_type(texts[TEXT], "column 'text'"))
    if isinstance(texts, pl.Series):
        return _check_type(texts, "the series").alias(TEXT).to_frame()
    if isinstance(texts, str):
        texts = [texts]
    # a table of another library would give the names of its columns
    is_other_table = isinstance(texts, bytes | dict | pl.LazyFrame) or hasattr(texts, "columns")
    if is_other_table or not isinstance(texts, Iterable):
        kind = f"{type(texts).__module__.partition('.')[0]}.{type(texts).__name__}".removeprefix("builtins.")
        raise TypeError(f"expected a text, a list of texts, or a Polars Series or DataFrame, found {kind}")
    values = list(texts)
    for place, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"text {place}: expected a str or None, found {value!r}")
    try:
        return pl.DataFrame({TEXT: values}, schema={TEXT: pl.String})
    except UnicodeEncodeError:
        raise ValueError(_describe_surrogate(values)) from None


def _check_type(texts: pl.Series, name: str) -> pl.Series:
    if texts.dtype == pl.Null or isinstance(texts.dtype, pl.Categorical | pl.Enum):
        return texts.cast(pl.String)
    if texts.dtype != pl.String:
        raise TypeError(f"{name} is of type {texts.dtype}, expected String")
    return texts


def _describe_surrogate(values: list[str | None]) -> str:
    for place, value in enumerate(values):
        try:
            (value or "").encode()
        except UnicodeEncodeError as error:
            return (
                f"text {place}: not valid Unicode: {error.object[error.start]!a} at character {error.start}"
            )
    raise AssertionError("some text cannot be encoded")
