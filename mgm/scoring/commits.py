"""Nights as commits of the tables of predictions and rejects, each committed exactly once.

The commit of a night's predictions is its only commit point. It carries the application transaction `score:<date>`, whose
version is the night's revision, and the fields of `Night` as metadata. A second one, whose id also names the documents and the
bundle, has the same version. Checkpoints keep transactions, but not metadata: where another engine has cleaned the log, they
alone say which nights are there, and from what.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from typing import Any, NamedTuple, TypedDict

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError

from mgm.files import fingerprint
from mgm.scoring import delta
from mgm.scoring.delta import DATE
from mgm.scoring.history import Commit, newest_commits

Frames = Callable[[], Iterable[pl.DataFrame]]
"""Reads the rows of a night again at each try."""
_MAX_TRIES = 10
_TEXT_FIELDS = ("date", "input_sha256", "bundle", "code", "dvc_lock", "flow_run", "predicted_by")
"""Fields that are metadata as they are; the others are JSON."""
_KEYS = {"as_corpus": "like"}
"""Metadata keys that differ from their fields, so that nights of older tables stay readable."""
LATER_FIELDS = frozenset({"predicted_by", "calibrated", "abstained"})
"""Fields that nights of older tables have not."""
UNKNOWN = "unknown"
"""The bundle and the input of a night whose entry is gone from the table's log."""


class Abstention(TypedDict):
    """A task of a night without a label where the score is too low."""

    precision: float
    """The precision on validation that was asked for."""
    score: float
    """The score that reaches it: below it there is no label."""
    answered: int
    """The predicted documents that have a label, or none of them by the model's word."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """The metadata of the commit of a scored night."""

    date: str
    revision: int
    input_sha256: str
    """The SHA-256 of all documents' ids and texts, in their order."""
    bundle: str
    code: str
    """The git revision of the code, `unknown` where there is none."""
    dvc_lock: str
    """The SHA-256 of dvc.lock; empty where there is none."""
    flow_run: str
    """The Prefect flow run's id; empty outside of one."""
    rows_in: int = 0
    predictions: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    tasks: list[str]
    as_corpus: str | None
    """The corpus whose columns and text settings the documents were read with."""
    accepted_drift: bool
    warnings: list[str]
    broken: list[str] = field(default_factory=list)
    """Documents that broke the model: id and error; the first ones."""
    rejects_version: int = -1
    """The version of the rejects table that holds this night's."""
    predicted_by: str = ""
    """What predicted the documents: the compiled kernels, or torch and why; empty in nights of older tables."""
    calibrated: dict[str, bool] = field(default_factory=dict)
    """Whether the scores are calibrated, by task that can be; empty in nights of older tables, whose scores are not."""
    abstained: dict[str, Abstention] = field(default_factory=dict)
    """What was asked of the labels, by task that has none where it is not sure enough."""

    def has_same_inputs(self, other: "Night") -> bool:
        """Return whether both nights were made from the same documents by the same bundle."""
        return (self.input_sha256, self.bundle) == (other.input_sha256, other.bundle)

    def to_metadata(self) -> dict[str, str]:
        """Return the night as the metadata of a commit."""
        return {
            _KEYS.get(name, name): value if name in _TEXT_FIELDS else json.dumps(value)
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_metadata(cls, commit: Mapping[str, Any]) -> "Night | None":
        """Return the night of a commit; None for a commit of something else."""
        keys = {
            f.name: _KEYS.get(f.name, f.name)
            for f in fields(cls)
            if f.name not in LATER_FIELDS or f.name in commit
        }
        if not all(key in commit for key in keys.values()):
            return None
        values = {
            name: commit[key] if name in _TEXT_FIELDS else json.loads(commit[key])
            for name, key in keys.items()
        }
        return cls(**values)


class NightCommit(NamedTuple):
    """The commit of a night: the table's version, and the time in milliseconds since 1970."""

    version: int
    timestamp: int
    night: Night


class NightConflict(ValueError):
    """Another run has committed this night from other documents or with another bundle."""


def transaction_id(day: date) -> str:
    """Return the application id of a night's transactions."""
    return f"score:{day.isoformat()}"


def _inputs_id(night: Night) -> str:
    """Return the application id that names the night, its documents and its bundle."""
    return (
        f"{transaction_id(date.fromisoformat(night.date))}:{fingerprint([night.input_sha256, night.bundle])}"
    )


def current_revision(table: DeltaTable | None, day: date) -> int:
    """Return the revision of a night in the table; 0: it was never committed."""
    return 0 if table is None else table.transaction_version(transaction_id(day)) or 0


def is_committed(table: DeltaTable | None, night: Night) -> bool:
    """Return whether the table holds this revision of a night, from the same documents by the same bundle.

    It is known without the log: the transactions are part of every snapshot. Nights of older tables have none that says so.
    """
    return (
        table is not None
        and current_revision(table, date.fromisoformat(night.date)) == night.revision
        and table.transaction_version(_inputs_id(night)) == night.revision
    )


def iter_nights(commits: Iterable[Commit]) -> Iterator[NightCommit]:
    """Yield the commits that are those of nights, in their order."""
    for commit in commits:
        night = Night.from_metadata(commit)
        if night is not None:
            yield NightCommit(version=int(commit["version"]), timestamp=int(commit["timestamp"]), night=night)


def read_nights(table: DeltaTable | None) -> list[NightCommit]:
    """Return every commit of a night, the newest first."""
    return [] if table is None else list(iter_nights(newest_commits(table)))


def read_night(table: DeltaTable | None, day: date) -> Night | None:
    """Return a night as its newest commit has it, which is faster the newer it is; None where there is none."""
    nights = () if table is None else iter_nights(newest_commits(table))
    return next((commit.night for commit in nights if commit.night.date == day.isoformat()), None)


def recover_night(predictions: str, rejects: str, *, day: date) -> Night:
    """Return a committed night whose entry is gone from the log, as far as the rows of both tables and its revision tell.

    Args:
        predictions, rejects: the locations of the tables.
    """
    rejected = _rows_of(rejects, day, column="reasons")
    reasons = Counter(rejected.explode(empty_as_null=False).drop_nulls().to_list()) if len(rejected) else {}
    num_predictions = len(_rows_of(predictions, day, column="doc_id"))
    return Night(
        date=day.isoformat(),
        revision=current_revision(delta.open_table(predictions), day),
        input_sha256=UNKNOWN,
        bundle=UNKNOWN,
        code=UNKNOWN,
        dvc_lock="",
        flow_run="",
        rows_in=num_predictions + len(rejected),
        predictions=num_predictions,
        rejected=len(rejected),
        reasons=dict(sorted(reasons.items())),
        tasks=[],
        as_corpus=None,
        accepted_drift=False,
        warnings=[
            f"{predictions}: the entry of this night is gone from the table's log: input, bundle and code are unknown"
        ],
    )


def _rows_of(location: str, day: date, *, column: str) -> pl.Series:
    """Return a column of a date's rows; empty where there is no table."""
    if delta.open_table(location) is None:
        return pl.Series(column, [])
    scan = delta.scan_table(location)
    return scan.filter(pl.col(DATE) == day).select(column).collect().to_series()


def commit_rejects(
    location: str, *, day: date, made_of: Mapping[str, str], schema: pl.Schema, frames: Frames
) -> int:
    """Replace a night's rejects, unless those of the same making are there, and return the table's version with them.

    Args:
        made_of: everything that determines the rows; kept in the commit.

    Raises:
        OSError: the table cannot be written; it is as it was.
    """
    metadata = {**made_of, DATE: day.isoformat()}
    of_day = f"rejects:{day.isoformat()}"
    of_making = f"{of_day}:{fingerprint(metadata)}"
    for attempt in range(_MAX_TRIES):
        table = delta.open_or_create_table(location, schema)
        # both count the replacements of the date, and are equal where the last one was of this making
        count = table.transaction_version(of_day) or 0
        if count and table.transaction_version(of_making) == count:
            version = _version_with(table, metadata)
            if version is not None:
                return version
        try:
            delta.replace_date(
                table,
                location,
                day=day,
                schema=schema,
                frames=frames(),
                properties=CommitProperties(
                    custom_metadata=metadata,
                    app_transactions=[Transaction(of_day, count + 1), Transaction(of_making, count + 1)],
                ),
            )
        except CommitFailedError as error:
            _raise_unless_conflict(
                location, error, version=table.version(), is_last_try=attempt == _MAX_TRIES - 1
            )
    raise AssertionError("the last attempt raises")


def _version_with(table: DeltaTable, metadata: Mapping[str, str]) -> int | None:
    """Return the version of the newest commit with this metadata; None: its entry is gone from the log."""
    return next(
        (
            int(commit["version"])
            for commit in newest_commits(table)
            if {key: commit.get(key) for key in metadata} == metadata
        ),
        None,
    )


def commit_predictions(location: str, night: Night, *, schema: pl.Schema, frames: Frames) -> Night:
    """Commit a night at its revision, once, and return the night that is in the table.

    Where another run was first with the same documents and bundle, nothing is written, and its night is returned.

    Raises:
        NightConflict: another run was first with others.
        OSError: the table cannot be written; it is as it was.
    """
    day = date.fromisoformat(night.date)
    properties = CommitProperties(
        custom_metadata=night.to_metadata(),
        app_transactions=[
            Transaction(transaction_id(day), night.revision),
            Transaction(_inputs_id(night), night.revision),
        ],
    )
    for attempt in range(_MAX_TRIES):
        # read and written on one snapshot: a commit of another run between the two makes this one fail
        table = delta.open_or_create_table(location, schema)
        if current_revision(table, day) >= night.revision:
            return read_rival(table, night)
        try:
            delta.replace_date(
                table, location, day=day, schema=schema, frames=frames(), properties=properties
            )
        except CommitFailedError as error:
            _raise_unless_conflict(
                location, error, version=table.version(), is_last_try=attempt == _MAX_TRIES - 1
            )
        else:
            return night
    raise AssertionError("the last attempt raises")


def read_rival(table: DeltaTable | None, night: Night) -> Night:
    """Return the night of another run that stands where `night` was to be committed.

    Raises:
        NightConflict: it was made from other documents or by another bundle.
    """
    day = date.fromisoformat(night.date)
    rival = read_night(table, day)
    if rival is None:  # the log was cleaned since
        revision = current_revision(table, day)
        if table is not None and table.transaction_version(_inputs_id(night)) == revision:
            return replace(night, revision=revision)
        raise NightConflict(
            f"night {night.date}: another run has committed revision {revision}, whose entry is gone from the table's log, and nothing there "
            f"says that it was of input {night.input_sha256[:12]} by bundle {night.bundle[:12]}. Nothing was written"
        )
    if not rival.has_same_inputs(night):
        raise NightConflict(
            f"night {night.date}: another run has committed revision {rival.revision} of input {rival.input_sha256[:12]} by bundle "
            f"{rival.bundle[:12]}; this run had input {night.input_sha256[:12]} and bundle {night.bundle[:12]}. Nothing was "
            f"written"
        )
    return rival


def _raise_unless_conflict(location: str, error: Exception, *, version: int, is_last_try: bool) -> None:
    """Raise where a commit on this version of the table has failed, unless another run was first and there is another try.

    Raises:
        OSError: the table is still at this version, so that the commit would fail again; or it was the last try.
    """
    table = delta.open_table(location)
    if table is None or table.version() == version:
        raise OSError(
            f"{location}: the table takes no such commit, and is as it was: {delta.one_line(error)}"
        ) from error
    if is_last_try:
        raise OSError(
            f"{location}: other runs commit all the time, {_MAX_TRIES} tries: {delta.one_line(error)}"
        ) from error
