"""Delta tables partitioned by date: opened, created, checked, and replaced a date at a time.

Locations are folders or s3:// addresses; an object store is configured by the same variables as for the readers.
"""

import json
import os
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

DATE = "date"
# lineage reads the history, which neither Delta's own cleaning nor its default of 30 days may shorten
_CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}


def storage_options(location: str) -> dict[str, str] | None:
    """Return the options that deltalake needs beyond the usual variables.

    On S3 a commit is a put that fails where the version exists, which the environment cannot change; the endpoint may be plain http.
    """
    if not location.startswith("s3://"):
        return None
    options = {"aws_conditional_put": "etag"}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options["AWS_ENDPOINT_URL"] = endpoint
        if endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options


def open_table(location: str, version: int | None = None) -> DeltaTable | None:
    """Return the table as it is, or was at a version; None where there is none yet.

    Raises:
        OSError: the storage does not answer, or the table is damaged.
    """
    try:
        return DeltaTable(location, version, storage_options=storage_options(location))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise OSError(f"{location}: the table cannot be read: {error}") from error


def open_or_create_table(location: str, schema: pl.Schema) -> DeltaTable:
    """Return the table, which is created where there is none.

    Raises:
        OSError: it can be neither read nor created.
    """
    table = open_table(location)
    if table is not None:
        return table
    try:
        DeltaTable.create(
            location,
            _to_arrow(schema),
            partition_by=[DATE],
            mode="ignore",
            configuration=_CONFIGURATION,
            storage_options=storage_options(location),
        )
    except (DeltaError, OSError) as error:
        failure: Exception = error
    else:
        failure = OSError("it is not there although it was created")
    table = open_table(location)  # another run may have created it at the same time
    if table is None:
        raise OSError(f"{location}: the table cannot be created: {failure}") from failure
    return table


def with_date(schema: pl.Schema) -> pl.Schema:
    """Return the columns of a table whose rows have this schema.

    Raises:
        ValueError: a column has the name of the partition.
    """
    if DATE in schema:
        raise ValueError(
            f"task {DATE!r}: its column would be that of the night's date; expected another name"
        )
    return pl.Schema({DATE: pl.Date()} | dict(schema))


def check_schema(location: str, schema: pl.Schema) -> None:
    """Compare the table with the columns of a night, before anything is scored.

    Columns that only one of the two has are no fault: they are added, and null where there is no value.

    Raises:
        ValueError: a column has another type, or the table is not partitioned by date.
        OSError: see `open_table`.
    """
    table = open_table(location)
    if table is None:
        return
    if table.metadata().partition_columns != [DATE]:
        raise ValueError(
            f"{location}: a table partitioned by {table.metadata().partition_columns}, expected one by ['{DATE}']; "
            f"params.yaml's score names the place of the nights"
        )
    types = {field.name: field.type for field in table.schema().fields}
    for field in DeltaSchema.from_arrow(_to_arrow(with_date(schema))).fields:
        if types.get(field.name, field.type) != field.type:
            raise ValueError(
                f"{location}: column {field.name!r} is {_as_text(types[field.name])} there, and {_as_text(field.type)} as this bundle "
                f"predicts it; expected one type: name another table in score.table, or rename the task"
            )


def replace_date(
    table: DeltaTable,
    location: str,
    *,
    day: date,
    schema: pl.Schema,
    frames: Iterable[pl.DataFrame],
    properties: CommitProperties,
) -> None:
    """Replace the rows of a date in one commit.

    Raises:
        CommitFailedError: another run has committed since the table was opened.
        OSError: the table cannot be written; it is as it was.
    """
    reader = pa.RecordBatchReader.from_batches(_to_arrow(schema), _batches(day, schema, frames))
    try:
        write_deltalake(
            table,
            reader,
            mode="overwrite",
            predicate=f"{DATE} = '{day.isoformat()}'",
            schema_mode="merge",
            commit_properties=properties,
        )
    except CommitFailedError:
        raise
    except (DeltaError, OSError) as error:
        raise OSError(f"{location}: the table cannot be written, and is as it was: {error}") from error


def latest_versions(table: DeltaTable) -> dict[str, int]:
    """Return the version of a table that last replaced the rows of a date, by date."""
    versions: dict[str, int] = {}
    for commit in table.history():
        if DATE in commit:
            versions.setdefault(commit[DATE], int(commit["version"]))
    return versions


def _batches(day: date, schema: pl.Schema, frames: Iterable[pl.DataFrame]) -> Iterator[pa.RecordBatch]:
    for frame in frames:
        dated = frame.with_columns(pl.lit(day).alias(DATE)).select(schema.names()).cast(schema)
        yield from dated.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_to_arrow(schema)).to_batches()


def _to_arrow(schema: pl.Schema) -> pa.Schema:
    return schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def _as_text(delta_type: Any) -> str:
    return str(json.dumps(json.loads(delta_type.to_json())))
