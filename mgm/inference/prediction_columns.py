"""The columns of predictions as users read them: probabilities by label, and numbers that print with their decimals."""

from collections.abc import Sequence

import polars as pl
from polars.datatypes import DataTypeClass

from mgm.model.rounding import SCORE_DIGITS
from mgm.tasks import Task

DataType = pl.DataType | DataTypeClass


def readable_predictions(predictions: pl.DataFrame, tasks: Sequence[Task]) -> pl.DataFrame:
    """Return a predictions table with `<task>_proba`, a struct of probabilities by label, in place of `<task>_probs`.

    Its numbers become Float64: a Float32 would be printed as 0.9312000274658203 in JSON or by Python.
    """
    labels_of = {f"{task.name}_probs": task for task in tasks if task.spec.has_label_space}
    columns = []
    for name, dtype in predictions.schema.items():
        column = _double_precision(pl.col(name), dtype)
        if task := labels_of.get(name):
            if not task.labels:
                continue
            column = column.list.to_struct(fields=list(task.labels)).alias(f"{task.name}_proba")
        columns.append(column)
    return predictions.select(columns)


def _double_precision(values: pl.Expr, dtype: DataType) -> pl.Expr:
    if dtype == pl.Float32:
        return values.cast(pl.Float64).round(SCORE_DIGITS)
    if isinstance(dtype, pl.List):
        return values.list.eval(_double_precision(pl.element(), dtype.inner))
    if isinstance(dtype, pl.Struct):
        fields = [(field.name, field.dtype) for field in dtype.fields]
        return pl.struct(
            _double_precision(values.struct.field(name), inner).alias(name) for name, inner in fields
        )
    return values
