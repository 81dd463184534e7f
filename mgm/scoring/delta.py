"""Delta tables partitioned by date: opened, created, checked, and replaced a date at a time.

Locations are folders or s3:// addresses; an object store is configured by the same variables as for the readers.
"""

import json
import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from mgm.errors import AlteredInput

DATE = "date"
ENCRYPTION = ("AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_KMS_KEY_ID", "AWS_SSE_BUCKET_KEY_ENABLED")
"""The variables that ask an object store to encrypt what is written: AES256 or aws:kms, and a key of KMS."""
_URL_ESCAPE = "%"
_NO_FOLDER = re.compile(r"[][|^\\#?]|%[0-9A-Fa-f]{2}")
"""What no path of a table may have: deltalake 1.x panics, finds no history, or looks for files in another folder."""
_CONSTRAINT = "delta.constraints."
_GENERATED = {"delta.generationExpression", "delta.identity.start"}
"""What the metadata of a column has that the table computes."""
_BROKEN_RULE = "failed validation check"
"""What deltalake says of rows that break a constraint."""
_log = logging.getLogger(__name__)
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
    options |= {name: os.environ[name] for name in ENCRYPTION if os.environ.get(name)}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options["AWS_ENDPOINT_URL"] = endpoint
        if endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options


def open_table(location: str, version: int | None = None) -> DeltaTable | None:
    """Return the table as it is, or was at a version; None where there is none yet.

    Raises:
        ValueError: no table can lie in the folder.
        OSError: the storage does not answer, or the table is damaged.
    """
    check_folder(location)
    try:
        return DeltaTable(location, version, storage_options=storage_options(location))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise OSError(f"{location}: the table cannot be read: {one_line(error)}") from error


def scan_table(location: str, version: int | None = None) -> pl.LazyFrame:
    """Return the rows of a table as it is, or was at a version.

    Raises:
        FileNotFoundError: there is no table.
        OSError: see `open_table`.
    """
    if location.startswith("s3://") or _URL_ESCAPE not in Path(location).absolute().as_uri():
        return pl.scan_delta(location, version=version, storage_options=storage_options(location))
    # Polars looks for the files of a local table under the URL of its folder, where `a b` is `a%20b`.
    table = open_table(location, version)
    if table is None:
        raise FileNotFoundError(f"{location}: no table")
    return pl.scan_pyarrow_dataset(table.to_pyarrow_dataset())


def check_folder(location: str) -> None:
    """Check that a table can lie in a local folder: deltalake makes a URL of its path, in which some characters mean something else.

    Raises:
        ValueError: none can.
    """
    if location.startswith("s3://"):
        return
    path = str(Path(location).resolve())  # as deltalake does, so that a link to another folder is a way out
    if found := _NO_FOLDER.search(path):
        raise ValueError(
            f"{path}: the table cannot lie in a folder with {found.group()!r} in its path; expected none of # ? [ ] | ^ \\ and no % before "
            f"two hexadecimal digits: name another place in params.yaml's score (table, rejects), make data/scored a link to "
            f"another folder, or move the project"
        )


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
        raise OSError(f"{location}: the table cannot be created: {one_line(failure)}") from failure
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


def check_table(location: str, schema: pl.Schema) -> None:
    """Check that the table can take the commit of a night with these columns, before anything is scored.

    Columns that only one of the two has are no fault: they are added, and null where there is no value.

    Raises:
        ValueError: a column has another type, or the table is not partitioned by date.
        OSError: the table cannot be read (see `open_table`), or cannot take the commit; the message names the property.
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
    _check_takes_commits(table, location, schema=with_date(schema))


def _check_takes_commits(table: DeltaTable, location: str, *, schema: pl.Schema) -> None:
    """Check that a commit of a date is possible, by one to an empty table of the same protocol, columns and properties."""
    configuration = table.metadata().configuration
    if configuration.get("delta.appendOnly", "").lower() == "true":
        raise OSError(
            f"{location}: the table property delta.appendOnly is true, and a night replaces the rows of its date; expected a table "
            f"without it: unset it, or name another table in params.yaml's score"
        )
    generated = [f.name for f in table.schema().fields if _GENERATED & f.metadata.keys()]
    if generated:
        raise OSError(
            f"{location}: column {generated[0]!r} is generated by the table, which deltalake cannot do; expected a table without such columns: "
            f"name another one in params.yaml's score"
        )
    if rules := _rules(table):
        _log.warning(
            "%s: a night is committed only if all its rows keep the table's rules: %s",
            location,
            ", ".join(f"{name} {rule}" for name, rule in rules.items()),
        )
    required = [field.name for field in table.schema().fields if not field.nullable]
    missing = [name for name in required if name not in schema]
    if missing:
        raise OSError(
            f"{location}: column {missing[0]!r} is NOT NULL in the table, and a night has no such column; expected it nullable"
        )
    last = Path(location, "_delta_log", f"{table.version():020d}.json")
    if not location.startswith("s3://") and not last.is_file():
        raise OSError(
            f"{last}: the table's last commit is gone from its log, and deltalake cannot write without it; expected a cleaned log to "
            f"keep it (a commit by another engine mends this)"
        )
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "_delta_log")
        log.mkdir()
        actions = map(json.dumps, _protocol_and_metadata(table))
        (log / f"{0:020d}.json").write_text("\n".join(actions) + "\n", encoding="utf-8")
        try:
            replace_date(
                DeltaTable(folder),
                location,
                day=date(2000, 1, 1),
                schema=schema,
                frames=[],
                properties=CommitProperties(),
            )
        except (DeltaError, OSError) as error:
            raise OSError(
                f"{location}: the table cannot take a night: {one_line(error)}; it has {_describe_protocol(table)}"
            ) from error


def _protocol_and_metadata(table: DeltaTable) -> list[dict[str, Any]]:
    """Return the first actions of a table's log."""
    protocol, metadata = table.protocol(), table.metadata()
    versions: dict[str, Any] = {
        "minReaderVersion": protocol.min_reader_version,
        "minWriterVersion": protocol.min_writer_version,
    }
    for key, features in (
        ("readerFeatures", protocol.reader_features),
        ("writerFeatures", protocol.writer_features),
    ):
        if features is not None:
            versions[key] = features
    return [
        {"protocol": versions},
        {
            "metaData": {
                "id": str(metadata.id),
                "format": {"provider": "parquet", "options": {}},
                "schemaString": table.schema().to_json(),
                "partitionColumns": metadata.partition_columns,
                "configuration": metadata.configuration,
            }
        },
    ]


def _describe_protocol(table: DeltaTable) -> str:
    """Return the properties of a table that may keep a writer out."""
    protocol = table.protocol()
    features = sorted({*(protocol.reader_features or []), *(protocol.writer_features or [])})
    properties = [
        f"{key} = {value}"
        for key, value in sorted(table.metadata().configuration.items())
        if _CONFIGURATION.get(key) != value
    ]
    parts = [f"writer version {protocol.min_writer_version}"]
    parts += [f"features {', '.join(features)}"] if features else []
    parts += [f"properties {', '.join(properties)}"] if properties else []
    return ", ".join(parts)


def _rules(table: DeltaTable) -> dict[str, str]:
    """Return what a table requires of its rows, beside their types: its CHECK constraints and the invariants of its columns."""
    rules = {
        f"CHECK {key.removeprefix(_CONSTRAINT)}": f"({value})"
        for key, value in sorted(table.metadata().configuration.items())
        if key.startswith(_CONSTRAINT)
    }
    for field in table.schema().fields:
        if (invariant := field.metadata.get("delta.invariants")) is not None:
            rules[f"column {field.name!r}"] = f"({json.loads(invariant)['expression']['expression']})"
    return rules


def one_line(error: Exception) -> str:
    """Return an error of deltalake in one line, without its preview of rows."""
    text = str(error.__cause__ or error)
    return " ".join(text.split("\nPreview")[0].split())


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
        CommitFailedError: another run has committed since the table was opened, or the table takes no such commit.
        AlteredInput: raised by `frames`; the table is as it was.
        ValueError: rows break a constraint of the table, which is as it was.
        OSError: the table cannot be written; it is as it was.
    """
    altered: list[AlteredInput] = []
    batches = _batches(day, schema, frames=_keep_error(frames, altered))
    reader = pa.RecordBatchReader.from_batches(_to_arrow(schema), batches)
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
        if altered:
            raise altered[0] from error
        if _BROKEN_RULE in str(error):
            rules = ", ".join(f"{name} {rule}" for name, rule in _rules(table).items())
            raise ValueError(
                f"{location}: the table is as it was, since rows of the night break a rule of it ({rules}): {one_line(error)}"
            ) from error
        raise OSError(
            f"{location}: the table cannot be written, and is as it was: {one_line(error)}"
        ) from error


def _keep_error(frames: Iterable[pl.DataFrame], errors: list[AlteredInput]) -> Iterator[pl.DataFrame]:
    """Yield the frames, and keep the error of reading them, of which the table's writer leaves only the text."""
    try:
        yield from frames
    except AlteredInput as error:
        errors.append(error)
        raise


def _batches(day: date, schema: pl.Schema, *, frames: Iterable[pl.DataFrame]) -> Iterator[pa.RecordBatch]:
    for frame in frames:
        dated = frame.with_columns(pl.lit(day).alias(DATE)).select(schema.names()).cast(schema)
        yield from dated.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_to_arrow(schema)).to_batches()


def _to_arrow(schema: pl.Schema) -> pa.Schema:
    return schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def _as_text(delta_type: Any) -> str:
    return str(json.dumps(json.loads(delta_type.to_json())))
