"""The Delta tables of scored documents: predictions and rejects, each partitioned by date.

The commit of a night's predictions is its only commit point. It carries the application transaction `score:<date>`, whose
version is the night's revision, and says what scored the night: see `Night`. Locations are folders or s3:// addresses; an
object store is found by the same variables as by the readers.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

DATE = "date"
_TRIES = 10
# History is what lineage reads: neither Delta's own cleaning nor its default of 30 days may shorten it.
_CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
}
_PLAIN = ("date", "input_sha256", "bundle", "code", "dvc_lock", "flow_run")


@dataclass(frozen=True)
class Night:
    """What a commit says of one scored night."""

    date: str
    revision: int
    input_sha256: str
    """Of all documents' ids and texts, in their order."""
    bundle: str
    code: str
    """The git revision of the code, `unknown` where there is none."""
    dvc_lock: str
    """The SHA-256 of dvc.lock; empty where there is none."""
    flow_run: str
    """The Prefect flow run's id; empty outside of one."""
    rows_in: int
    predictions: int
    rejected: int
    reasons: dict[str, int]
    tasks: list[str]
    like: str | None
    accepted_drift: bool
    warnings: list[str]
    broken: list[str]
    """Documents that broke the model: id and error; the first ones."""
    rejects_version: int = -1
    """The version of the rejects table that holds this night's."""

    def same_result(self, other: "Night") -> bool:
        """Whether both were made of the same documents by the same bundle."""
        return (self.input_sha256, self.bundle) == (other.input_sha256, other.bundle)


class NightTaken(ValueError):
    """Another run has committed this night with other documents or another bundle."""


def app_id(day: date) -> str:
    """The application id of a night's transactions."""
    return f"score:{day.isoformat()}"


def storage_options(location: str) -> dict[str, str] | None:
    """What deltalake needs beyond the usual variables: on S3 a commit is a put that fails where the version is there,
    whatever the environment says; and plain http where the endpoint is such."""
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
    """The table as it is, or was at a version; None where there is none yet.

    Raises:
        OSError: the storage does not answer, or the table is damaged.
    """
    try:
        return DeltaTable(location, version, storage_options=storage_options(location))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise OSError(f"{location}: the table cannot be read: {error}") from error


def revision(table: DeltaTable | None, day: date) -> int:
    """The revision that a night stands at; 0: it was never committed."""
    return 0 if table is None else table.transaction_version(app_id(day)) or 0


def nights(table: DeltaTable | None) -> list[tuple[int, int, Night]]:
    """Every commit of a night, the newest first: the table's version, its time (ms since 1970), and what it says."""
    if table is None:
        return []
    names = [f.name for f in fields(Night)]
    return [
        (
            int(commit["version"]),
            int(commit["timestamp"]),
            Night(**{n: commit[n] if n in _PLAIN else json.loads(commit[n]) for n in names}),
        )
        for commit in table.history()
        if all(name in commit for name in names)
    ]


def newest(table: DeltaTable) -> dict[str, int]:
    """The version of a table that last replaced the rows of a date, by date."""
    found: dict[str, int] = {}
    for commit in table.history():
        if DATE in commit:
            found.setdefault(commit[DATE], int(commit["version"]))
    return found


def last_night(table: DeltaTable | None, day: date) -> Night | None:
    """What the newest commit of a night says."""
    return next((night for _, _, night in nights(table) if night.date == day.isoformat()), None)


def with_date(schema: pl.Schema) -> pl.Schema:
    """The columns of a table of this schema's rows.

    Raises:
        ValueError: a column has the name of the partition.
    """
    if DATE in schema:
        raise ValueError(
            f"task {DATE!r}: its column would be that of the night's date; expected another name"
        )
    return pl.Schema({DATE: pl.Date()} | dict(schema))


def check_schema(location: str, schema: pl.Schema) -> None:
    """Compares the table with the columns of this night, before anything is scored. Columns that only one of the two has
    are no fault: they are added, and null where there is no value.

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
    there = {field.name: field.type for field in table.schema().fields}
    for field in DeltaSchema.from_arrow(_arrow(with_date(schema))).fields:
        if there.get(field.name, field.type) != field.type:
            raise ValueError(
                f"{location}: column {field.name!r} is {_words(there[field.name])} there, and {_words(field.type)} as this bundle "
                f"predicts it; expected one type: name another table in score.table, or rename the task"
            )


def commit_rejects(
    location: str,
    day: date,
    made_of: dict[str, str],
    schema: pl.Schema,
    frames: Callable[[], Iterable[pl.DataFrame]],
) -> int:
    """Replaces a night's rejects, unless those of the same making stand there; returns the table's version with them.

    Args:
        made_of: what the rows follow from; kept in the commit.

    Raises:
        OSError: the table cannot be written; it is as it was.
    """
    for attempt in range(_TRIES):
        table = _open_or_create(location, schema)
        mark = made_of | {DATE: day.isoformat()}
        last = next((c for c in table.history() if c.get(DATE) == day.isoformat()), None)
        if last is not None and {k: last.get(k) for k in mark} == mark:
            return int(last["version"])
        try:
            _replace(table, location, day, schema, frames(), CommitProperties(custom_metadata=mark))
        except CommitFailedError as error:
            _give_up(location, attempt, error)
    raise AssertionError("the last attempt raises")


def commit_predictions(
    location: str, night: Night, schema: pl.Schema, frames: Callable[[], Iterable[pl.DataFrame]]
) -> Night:
    """Commits a night at its revision, once. Where another run was first with the same documents and bundle, nothing is
    written, and its commit is returned.

    Raises:
        NightTaken: another run was first with others.
        OSError: the table cannot be written; it is as it was.
    """
    day = date.fromisoformat(night.date)
    metadata = {k: v if k in _PLAIN else json.dumps(v) for k, v in asdict(night).items()}
    properties = CommitProperties(
        custom_metadata=metadata, app_transactions=[Transaction(app_id(day), night.revision)]
    )
    for attempt in range(_TRIES):
        # What is read and what is written stand on one snapshot: a commit between the two makes this one fail.
        table = _open_or_create(location, schema)
        if revision(table, day) >= night.revision:
            return settled(table, night)
        try:
            _replace(table, location, day, schema, frames(), properties)
        except CommitFailedError as error:
            _give_up(location, attempt, error)
        else:
            return night
    raise AssertionError("the last attempt raises")


def settled(table: DeltaTable | None, night: Night) -> Night:
    """The commit of another run that stands where `night` was to be committed.

    Raises:
        NightTaken: it was made of other documents or by another bundle.
    """
    found = last_night(table, date.fromisoformat(night.date))
    assert found is not None, "a transaction of a night comes with its commit"
    if not found.same_result(night):
        raise NightTaken(
            f"night {night.date}: another run has committed revision {found.revision} of input {found.input_sha256[:12]} by bundle "
            f"{found.bundle[:12]}; this run had input {night.input_sha256[:12]} and bundle {night.bundle[:12]}. Nothing was "
            f"written; --rescore replaces the night"
        )
    return found


def _give_up(location: str, attempt: int, error: Exception) -> None:
    if attempt == _TRIES - 1:
        raise OSError(f"{location}: other runs commit all the time, {_TRIES} tries: {error}") from error


def _open_or_create(location: str, schema: pl.Schema) -> DeltaTable:
    found = open_table(location)
    if found is not None:
        return found
    try:
        DeltaTable.create(
            location,
            _arrow(schema),
            partition_by=[DATE],
            mode="ignore",
            configuration=_CONFIGURATION,
            storage_options=storage_options(location),
        )
    except (DeltaError, OSError) as error:
        failure: Exception = error
    else:
        failure = OSError("it is not there although it was created")
    found = open_table(location)  # also where another run has created it just now
    if found is None:
        raise OSError(f"{location}: the table cannot be created: {failure}") from failure
    return found


def _replace(
    table: DeltaTable,
    location: str,
    day: date,
    schema: pl.Schema,
    frames: Iterable[pl.DataFrame],
    properties: CommitProperties,
) -> None:
    """Replaces the rows of a date in one commit."""
    reader = pa.RecordBatchReader.from_batches(_arrow(schema), _batches(day, schema, frames))
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


def _batches(day: date, schema: pl.Schema, frames: Iterable[pl.DataFrame]) -> Iterator[pa.RecordBatch]:
    for frame in frames:
        dated = frame.with_columns(pl.lit(day).alias(DATE)).select(schema.names()).cast(schema)
        yield from dated.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_arrow(schema)).to_batches()


def _arrow(schema: pl.Schema) -> pa.Schema:
    return schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def _words(kind: Any) -> str:
    """A Delta type as its own JSON."""
    return str(json.dumps(json.loads(kind.to_json())))
