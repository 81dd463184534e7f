"""Tables between stages: folders of Parquet parts in a fixed order, with `_parts.json` written last.

A reader opens only the files that `_parts.json` lists, so a half-written folder is never read, and a stray file never counts.
It reads the bytes of a file once, and parses them only where their hash is the listed one.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from mgm.compute.executor import Executor, TaskFile
from mgm.compute.processes import THIS_PROCESS
from mgm.corpus.progress import progress
from mgm.corpus.statistics import Statistics
from mgm.corpus.unfinished import Unfinished, unfinished_folder, unfinished_parts
from mgm.errors import AlteredInput
from mgm.files import file_sha256, replacing, write_text

MANIFEST = "_parts.json"
ROW_GROUP = 20_000
KEPT, REJECTED = "kept", "rejected"
"""The tables that `map_parts` makes, as folders of unfinished parts."""

REJECTS = pl.Schema(
    {"doc_id": pl.String(), "stage": pl.String(), "reasons": pl.List(pl.String), "values": pl.String()}
)


@dataclass(frozen=True)
class Part:
    """One file of a table: its rows, the SHA-256 of its bytes, and that of the part that it was made from."""

    name: str
    rows: int
    sha256: str
    input_sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """The rows and parts of a table."""

    rows: int
    parts: list[Part]


@dataclass
class Counts:
    """The numbers of rows in, out and rejected of a stage, and of rejections by reason (a row may have several)."""

    rows_in: int = 0
    rows_out: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, rows_in: int, kept: pl.DataFrame, *, rejected: pl.DataFrame) -> None:
        """Add the rows of one part, of which every one must be kept or rejected."""
        assert rows_in == kept.height + rejected.height, (
            f"{rows_in} rows in, but {kept.height} out and {rejected.height} rejected"
        )
        self.rows_in += rows_in
        self.rows_out += kept.height
        self.rejected += rejected.height
        reasons = Counter(self.reasons)
        reasons.update(rejected["reasons"].explode().drop_nulls().to_list())
        self.reasons = dict(sorted(reasons.items()))

    def merge(self, other: "Counts") -> None:
        """Add the counts of another part."""
        self.rows_in += other.rows_in
        self.rows_out += other.rows_out
        self.rejected += other.rejected
        self.reasons = dict(sorted((Counter(self.reasons) + Counter(other.reasons)).items()))


def write_manifest(folder: Path, parts: Sequence[Part]) -> None:
    """Write `_parts.json` atomically; with it the table is complete."""
    manifest = Manifest(rows=sum(p.rows for p in parts), parts=list(parts))
    write_text(folder / MANIFEST, json.dumps(asdict(manifest), indent=1) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the table in `folder`.

    Raises:
        FileNotFoundError: there is no table, or its writing was not finished.
        AlteredInput: it is no manifest as `write_manifest` writes it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: no finished table here ({MANIFEST} is missing)")
    try:
        raw = json.loads(path.read_bytes())
        manifest = Manifest(rows=raw["rows"], parts=[Part(**part) for part in raw["parts"]])
        num_rows = sum(part.rows for part in manifest.parts)
    except (ValueError, KeyError, TypeError) as error:
        raise AlteredInput(path, f"not the list of a table's parts: {error!r}") from error
    if num_rows != manifest.rows:
        raise AlteredInput(path, f"its parts have {num_rows:,} rows in all; expected {manifest.rows:,}")
    return manifest


def read_part(folder: Path, part: Part, *, columns: list[str] | None = None) -> pl.DataFrame:
    """Return the rows of one part of a table. Memory: the file's bytes, and the frame.

    Raises:
        AlteredInput: the file is gone, or it is not the one that was written.
    """
    path = folder / part.name
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise AlteredInput(path, f"gone; expected {_describe(part.rows, part.sha256)}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != part.sha256:
        found, expected = _describe(_num_rows(content), sha256), _describe(part.rows, part.sha256)
        raise AlteredInput(path, f"altered since it was written: {found}; expected {expected}")
    frame = pl.read_parquet(content, columns=columns)
    if frame.height != part.rows and columns != []:
        raise AlteredInput(path, f"{frame.height:,} rows; expected {part.rows:,}, as the list of parts says")
    return frame


def read_parts(folder: Path, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the parts of a table in order, one frame each; an empty table has one empty part.

    Raises:
        See `read_manifest` and `read_part`.
    """
    for part in read_manifest(folder).parts:
        yield read_part(folder, part, columns=columns)


def read_table(folder: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """Return all rows of a table in one frame, for tables known to be small."""
    return pl.concat(list(read_parts(folder, columns)))


def part_name(index: int) -> str:
    """Return the file of part number `index` of a table."""
    return f"part-{index:05d}.parquet"


def write_part(
    folder: Path, index: int, *, frame: pl.DataFrame, schema: pl.Schema, input_sha256: str = ""
) -> Part:
    """Write one part of a table with the columns and types of `schema`, and return its entry of the manifest."""
    path = folder / part_name(index)
    with replacing(path) as temporary:
        frame.select(schema.names()).cast(schema).write_parquet(
            temporary, compression="zstd", row_group_size=ROW_GROUP, statistics=False
        )
    return Part(path.name, frame.height, file_sha256(path), input_sha256)


def part_file(folder: Path, part: Part) -> TaskFile:
    """Return the file of a part, for workers that do not see the folder of its table."""
    return TaskFile(folder / part.name, part.sha256)


def reads_part(folder: Path, part: Part) -> list[TaskFile]:
    """Return the one file that a call with these arguments reads."""
    return [part_file(folder, part)]


def listed_hashes(folder: Path) -> set[str]:
    """Return the hashes of the parts of all finished tables below a folder."""
    manifests = [read_manifest(path.parent) for path in folder.rglob(MANIFEST)]
    return {part.sha256 for manifest in manifests for part in manifest.parts}


def clear_table(folder: Path) -> None:
    """Make the folder of a table, or delete the table that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [folder / MANIFEST, *folder.glob("part-*.parquet")]:
        old.unlink(missing_ok=True)


class PartsWriter:
    """A writer of tables, part by part. Leaving the context writes `_parts.json`; after an error there is none."""

    def __init__(self, folder: Path, schema: Mapping[str, pl.DataType] | pl.Schema) -> None:
        self.folder = folder
        self.schema = pl.Schema(schema)
        self.parts: list[Part] = []

    def __enter__(self) -> Self:
        clear_table(self.folder)
        return self

    def write(self, frame: pl.DataFrame, input_sha256: str = "") -> None:
        """Write `frame` as the next part; its columns must be those of the schema, in any order."""
        self.parts.append(
            write_part(
                self.folder, len(self.parts), frame=frame, schema=self.schema, input_sha256=input_sha256
            )
        )

    def __exit__(  # noqa: PLR0917  (called by Python)
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            if not self.parts:
                self.write(self.schema.to_frame())
            write_manifest(self.folder, self.parts)


@dataclass(frozen=True)
class Transformed:
    """The result of one part: the rows kept, those rejected (doc_id, reasons, values), and statistics."""

    kept: pl.DataFrame
    rejected: pl.DataFrame
    statistics: Statistics = field(default_factory=Statistics)


Transform = Callable[[pl.DataFrame], Transformed]


@dataclass(frozen=True)
class _Work:
    """The work of `map_parts` on each part; another process gets it once."""

    source: Path
    columns: list[str] | None
    unfinished: Unfinished
    stage: str
    schema: pl.Schema
    transform: Transform

    def reads(self, index: int, part: Part) -> list[TaskFile] | None:
        return self.unfinished.reads(index, [part_file(self.source, part)])

    def run(self, index: int, part: Part) -> dict[str, Any]:
        return self.unfinished.result(index, partial(self._make, index, part=part))

    def _make(self, index: int, *, part: Part) -> dict[str, Any]:
        frame = read_part(self.source, part, columns=self.columns)
        result = self.transform(frame)
        counts = Counts()
        counts.add(frame.height, result.kept, rejected=result.rejected)
        tables = {
            KEPT: (result.kept, self.schema),
            REJECTED: (result.rejected.with_columns(stage=pl.lit(self.stage)), REJECTS),
        }
        parts = {
            name: write_part(
                self.unfinished.folder / name, index, frame=rows, schema=schema, input_sha256=part.sha256
            )
            for name, (rows, schema) in tables.items()
        }
        return {
            "files": {f"{name}/{written.name}": written.sha256 for name, written in parts.items()},
            "parts": {name: asdict(written) for name, written in parts.items()},
            "counts": asdict(counts),
            "statistics": result.statistics.to_json(),
        }


def map_parts(  # noqa: PLR0913  (a table in, two out, and the work on a part; all by name)
    source: Path,
    target: Path,
    *,
    rejects: Path | None,
    stage: str,
    schema: Mapping[str, pl.DataType] | pl.Schema,
    transform: Transform,
    columns: list[str] | None = None,
    executor: Executor = THIS_PROCESS,
) -> tuple[Counts, Statistics]:
    """Make each part of `target` from one part of `source`, so that each process has one part in memory.

    The bytes are the same whichever executor makes them. What a run has finished that was killed or has failed is not made again.

    Args:
        source: the folder of a table.
        target: the folder of the new table.
        rejects: the folder of the table of rejected rows; None: the transform rejects none.
        stage: the stage that rejected rows name.
        schema: the columns of the new table.
        transform: the function of a part, with all that its result depends on in it, and no state; its rows have the columns of
            `schema`. For other processes it is picklable.
        columns: the columns that it reads; None: all.
        executor: what calls it.

    Raises:
        Whatever `transform` raises, also in another process; what the executor raises where processes die.
    """
    counts, statistics, schema = Counts(), Statistics(), pl.Schema(schema)
    parts = read_manifest(source).parts
    targets = {KEPT: target} if rejects is None else {KEPT: target, REJECTED: rejects}
    for folder in targets.values():
        clear_table(folder)
    work = [source.name, stage, schema, transform, [part.sha256 for part in parts]]
    with unfinished_parts(unfinished_folder(target), work) as unfinished:
        part_work = _Work(source, columns, unfinished, stage, schema, transform)
        tables: dict[str, list[Part]] = {name: [] for name in targets}
        with closing(executor.map(part_work.run, list(enumerate(parts)), reads=part_work.reads)) as results:
            for result in progress(results, f"{stage} {source.name}", total=len(parts)):
                for name, table in tables.items():
                    table.append(Part(**result["parts"][name]))
                counts.merge(Counts(**result["counts"]))
                statistics.add(Statistics.from_json(result["statistics"]))
        for name, table in tables.items():
            unfinished.move({f"{name}/{part.name}": targets[name] / part.name for part in table})
            write_manifest(targets[name], table)
    return counts, statistics


def _describe(rows: int | None, sha256: str) -> str:
    return f"{'unreadable' if rows is None else f'{rows:,} rows'}, SHA-256 {sha256[:12]}"


def _num_rows(content: bytes) -> int | None:
    """Return the number of rows of a Parquet file; None where it is none."""
    try:
        return int(pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        return None
