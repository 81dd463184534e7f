"""Raw rows to documents: identity, language, group, split and labels under the names that every later stage knows."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import polars as pl

from mgm.compute.executor import Executor, TaskFile
from mgm.compute.processes import THIS_PROCESS
from mgm.corpus.contract import DETECT, LANGUAGES, SPLITS, document_schema, enforce, row_contract
from mgm.corpus.corrections.layer import CorrectionLayer
from mgm.corpus.corrections.read import read_corrections
from mgm.corpus.parts import (
    KEPT,
    REJECTED,
    REJECTS,
    Counts,
    Part,
    clear_table,
    part_name,
    write_manifest,
    write_part,
)
from mgm.corpus.progress import progress
from mgm.corpus.raw_columns import Columns
from mgm.corpus.raw_corpus import RawCorpus, repeat
from mgm.corpus.readers import (
    Source,
    group_files,
    input_files,
    read_batches,
)
from mgm.corpus.repeated_ids import find_repeated, hash_bytes, hash_ids
from mgm.corpus.split_column import BY_HASH, EXPECTED, SplitColumn
from mgm.corpus.statistics import Statistics
from mgm.corpus.unfinished import Unfinished, unfinished_folder, unfinished_parts
from mgm.files import file_sha256, replacing
from mgm.tasks import TaskColumns


def read_documents(
    corpus: RawCorpus, columns: Columns, *, corrections: CorrectionLayer | None = None
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the documents of a corpus in file order, as (kept, rejected) of one part's raw rows each.

    Args:
        corpus: the raw rows.
        columns: their columns.
        corrections: the labels that replace those of the rows.

    Raises:
        FileNotFoundError, ValueError: a fault of the input; names the file and, where known, the row, column and value.
    """
    source, settings, size = corpus.source, corpus.settings, corpus.part_size
    contract = row_contract(corpus.tasks)
    schema = document_schema(corpus.tasks)
    declared = None if settings.lang == DETECT else settings.lang
    splits = columns.splits
    batches = read_batches(
        source,
        columns.types(corpus.tasks),
        rows=size.rows_per_part,
        strict=(columns.text,),
        megabytes=size.megabytes_per_part,
        dialect=corpus.dialect,
    )
    first_row = 1
    numbers = {
        columns.tasks[task.name]: task.column_type for task in corpus.tasks if task.column_type.is_numeric()
    }
    for raw in batches:
        for name, dtype in numbers.items():
            if raw[name].dtype == pl.String:
                values = raw[name].cast(dtype, strict=False)
                _check(
                    values.is_null() & raw[name].is_not_null(),
                    raw[name],
                    first=first_row,
                    source=source,
                    column=name,
                    expected="a number",
                )
        # by place, since Polars takes a name such as `*` or `^a$` for a pattern
        raw_columns = {name: pl.nth(place) for place, name in enumerate(raw.columns)}
        missing = pl.lit(None, pl.String)
        frame = raw.select(
            raw_columns[columns.doc_id].alias("doc_id"),
            raw_columns[columns.text].alias("text"),
            (raw_columns[columns.lang] if columns.lang else pl.lit(declared, pl.String)).alias("lang"),
            pl.coalesce(raw_columns[columns.group], raw_columns[columns.doc_id]).alias("group"),
            (raw_columns[splits.column] if splits.column else missing).alias("split"),
            *(raw_columns[column].alias(TaskColumns(task).label) for task, column in columns.tasks.items()),
        ).cast(schema)
        _check(
            frame["doc_id"].is_null(),
            frame["doc_id"],
            first=first_row,
            source=source,
            column=columns.doc_id,
            expected="a value",
        )
        if columns.lang:
            wrong = ~frame["lang"].is_in(LANGUAGES).fill_null(False)
            expected = f"one of {', '.join(LANGUAGES)} (lang: {DETECT} finds them)"
            _check(
                wrong, frame["lang"], first=first_row, source=source, column=columns.lang, expected=expected
            )
        assigned = splits.assign(frame)
        if splits.column:
            remedy = f"{EXPECTED} (corpora.{corpus.name}.split: {BY_HASH} splits by the hash of the group)"
            _check(
                assigned.is_null(),
                frame["split"],
                first=first_row,
                source=source,
                column=splits.column,
                expected=remedy,
            )
        frame = frame.with_columns(assigned)
        documents = frame.select(schema.names())
        yield enforce(documents if corrections is None else corrections.apply(documents), contract)
        first_row += raw.height


def _check(
    bad: pl.Series, values: pl.Series, *, first: int, source: Source, column: str, expected: str
) -> None:
    places = bad.arg_true()
    if len(places):
        row = places[0]
        raise ValueError(
            f"{_where(source)}row {first + row}, column {column!r}: value {values[row]!r}, expected {expected} "
            f"({len(places)} such rows among the {len(bad)} from row {first} on)"
        )


def _where(source: Source) -> str:
    files = input_files(source)
    return (
        f"{files[0]}: " if len(files) == 1 else f"{source} ({len(files)} files in the order of their paths): "
    )


class Ingested(NamedTuple):
    """The counts and findings of ingest."""

    counts: Counts
    statistics: Statistics
    """The counts `characters` and splits/<split>, and the measure `characters_per_document`."""
    splits: SplitColumn
    corrections: dict[str, Any] | None
    """The counts of `CorrectionLayer.statistics`; None: the corpus has no corrections."""


def ingest(
    corpus: RawCorpus, *, documents: Path, rejects: Path, executor: Executor = THIS_PROCESS
) -> Ingested:
    """Write a corpus's documents and rejects as tables.

    Every doc_id is unique afterwards. Files of a folder are read, in groups of about the size of a part, where the executor says; a
    corpus with corrections is read in this process. Memory: two parts, and that of `find_repeated`.

    Args:
        corpus: the raw rows.
        documents: the folder of the table of documents.
        rejects: the folder of the table of rejected rows.
        executor: what reads the groups of files.

    Raises:
        FileNotFoundError, ValueError: see `read_documents`; also an empty corpus, and a repeated doc_id.
    """
    columns, corrections = Columns.resolve(corpus), _corrections(corpus)
    targets = {KEPT: documents, REJECTED: rejects}
    for folder in targets.values():
        clear_table(folder)
    groups = group_files(corpus.source, megabytes=corpus.part_size.megabytes_per_part)
    identities = [_identity(group) for group in groups]
    # with corrections nothing is gone on with: what an earlier run has used of them is not known
    work = [corpus, identities] if corrections is None else token_hex()
    with unfinished_parts(unfinished_folder(documents), work) as unfinished:
        tables = _Tables()
        read = _ReadGroup(corpus, columns, unfinished, corrections, shows_progress=len(groups) == 1)
        # a group of files notes in the corrections which of them it has used
        if corrections is not None:
            executor = THIS_PROCESS
        results = executor.map(read, list(enumerate(groups)), reads=read.reads)
        with closing(results):
            for result in progress(results, f"ingest {corpus.name}", total=len(groups), unit=" groups"):
                tables.add(result, unfinished.folder)
        if corrections is not None:
            new = _added(corpus, columns, corrections=corrections)
            if new.height:
                added, folder = enforce(new, row_contract(corpus.tasks)), unfinished.folder
                schema = document_schema(corpus.tasks)
                tables.add(_write_group(iter([added]), folder, group=len(groups), schema=schema), folder)
        if not tables.counts.rows_in:
            raise ValueError(f"{corpus.source}: corpus {corpus.name!r} is empty: expected at least one row")
        repeated = find_repeated(tables.ids, executor=executor, folder=unfinished.folder)
        if len(repeated):
            _raise_repeated(corpus, repeated)
        if corrections is not None:
            corrections.check_names()
            unused = corrections.rejected()
            tables.counts.add(unused.height, unused.clear(), rejected=unused)
            place = f"{REJECTED}/unused"
            part = write_part(unfinished.folder / place, 0, frame=unused, schema=REJECTS)
            tables.parts[REJECTED].append((f"{place}/{part.name}", part))
        for name, parts in tables.parts.items():
            numbered = [(place, replace(part, name=part_name(i))) for i, (place, part) in enumerate(parts)]
            unfinished.move({place: targets[name] / part.name for place, part in numbered})
            write_manifest(targets[name], [part for _, part in numbered])
    return Ingested(
        counts=tables.counts,
        statistics=tables.statistics,
        splits=columns.splits,
        corrections=None if corrections is None else corrections.statistics(),
    )


def _identity(source: Source) -> list[tuple[str, int, float]]:
    """Return the names, sizes and times of files; of an object store, a number that is never the same."""
    return [
        (file.name, file.size, Path(file.path).stat().st_mtime if Path(file.path).is_file() else time.time())
        for file in input_files(source)
    ]


class _Tables:
    """What groups of files give, in their order."""

    def __init__(self) -> None:
        self.parts: dict[str, list[tuple[str, Part]]] = {KEPT: [], REJECTED: []}
        """The parts of each table, with their places in the folder of unfinished ones."""
        self.counts, self.statistics = Counts(), Statistics()
        self.ids: list[TaskFile] = []
        """The files of the hashes of ids."""

    def add(self, result: dict[str, Any], folder: Path) -> None:
        """Add the result of `_write_group`."""
        for name, parts in result["parts"].items():
            self.parts[name] += [(place, Part(**part)) for place, part in parts]
        self.counts.merge(Counts(**result["counts"]))
        self.statistics.add(Statistics.from_json(result["statistics"]))
        self.ids.append(TaskFile(folder / result["ids"], result["files"][result["ids"]]))


@dataclass(frozen=True)
class _ReadGroup:
    """Reads the documents of a group of files, and writes them."""

    corpus: RawCorpus
    columns: Columns
    unfinished: Unfinished
    corrections: CorrectionLayer | None
    shows_progress: bool

    def reads(self, group: int, source: Source) -> list[TaskFile] | None:
        """Return the files of a group that are on this machine's disk."""
        files = [TaskFile(Path(file.path)) for file in input_files(source) if file.is_local]
        return self.unfinished.reads(group, files)

    def __call__(self, group: int, source: Source) -> dict[str, Any]:
        def make() -> dict[str, Any]:
            frames = read_documents(
                replace(self.corpus, source=source), self.columns, corrections=self.corrections
            )
            if self.shows_progress:
                frames = progress(frames, f"ingest {self.corpus.name}")
            schema = document_schema(self.corpus.tasks)
            return _write_group(frames, self.unfinished.folder, group=group, schema=schema)

        return self.unfinished.result(group, make)


def _write_group(
    frames: Iterator[tuple[pl.DataFrame, pl.DataFrame]], folder: Path, *, group: int, schema: pl.Schema
) -> dict[str, Any]:
    """Write frames of kept and rejected rows as parts, and the hashes of their ids; return their entries, counts and statistics."""
    counts, statistics = Counts(), Statistics()
    parts: dict[str, list[tuple[str, Part]]] = {KEPT: [], REJECTED: []}
    hashes = []
    for number, (kept, rejected) in enumerate(frames):
        ids = pl.concat([kept["doc_id"], rejected["doc_id"]])
        counts.add(len(ids), kept, rejected=rejected)
        hashes.append(hash_bytes(ids))
        characters = kept["text"].str.len_chars()
        statistics.count("characters", int(characters.sum()))
        statistics.measure("characters_per_document", characters)
        for split in SPLITS:
            statistics.count(f"splits/{split}", int((kept["split"] == split).sum()))
        dropped = rejected.with_columns(stage=pl.lit("ingest"))
        for name, rows, columns in ((KEPT, kept, schema), (REJECTED, dropped, REJECTS)):
            place = f"{name}/{group:05d}"
            part = write_part(folder / place, number, frame=rows, schema=columns)
            parts[name].append((f"{place}/{part.name}", part))
    ids_file = f"ids-{group:05d}"
    with replacing(folder / ids_file) as temporary:
        temporary.write_bytes(b"".join(hashes))
    return {
        "files": {place: part.sha256 for entries in parts.values() for place, part in entries}
        | {ids_file: file_sha256(folder / ids_file)},
        "parts": {
            name: [(place, asdict(part)) for place, part in entries] for name, entries in parts.items()
        },
        "counts": asdict(counts),
        "statistics": statistics.to_json(),
        "ids": ids_file,
    }


def _corrections(corpus: RawCorpus) -> CorrectionLayer | None:
    """Return the corrections that the settings name."""
    settings = corpus.settings
    if settings.corrections is None:
        return None
    table = read_corrections(
        settings.corrections,
        corpus.tasks,
        columns={task.name: settings.columns.get(task.name, task.name) for task in corpus.tasks},
        dialect=corpus.dialect,
        id_column=settings.id,
    )
    return CorrectionLayer(corpus=corpus.name, tasks=corpus.tasks, table=table)


def _added(corpus: RawCorpus, columns: Columns, *, corrections: CorrectionLayer) -> pl.DataFrame:
    """Return the documents that corrections add."""
    stated = corpus.settings.lang
    if columns.lang is not None:
        languages = corpus.detect_languages
    else:
        languages = partial(repeat, value=None if stated == DETECT else stated)
    return corrections.added(columns.splits, languages=languages)


def _raise_repeated(corpus: RawCorpus, hashes: pl.Series) -> None:
    """Read once more, and raise an error that names the first repeated doc_id among these hashes, with its rows.

    Equal hashes of different ids are no error.
    """
    id_column = corpus.settings.id
    suspected, first_row = [], 1
    for frame in read_batches(
        corpus.source,
        {id_column: pl.String()},
        rows=corpus.part_size.rows_per_part,
        strict=(),
        dialect=corpus.dialect,
    ):
        numbered = frame.select(pl.first().alias("doc_id")).with_row_index("row", first_row)
        suspected.append(numbered.filter(hash_ids(numbered["doc_id"]).is_in(hashes.implode())))
        first_row += frame.height
    rows = pl.concat(suspected)
    repeated = rows.filter(pl.col("doc_id").is_duplicated())
    if repeated.height:
        value = repeated["doc_id"][0]
        places = repeated.filter(pl.col("doc_id") == value)["row"].head(5).to_list()
        raise ValueError(
            f"{_where(corpus.source)}column {id_column!r}: value {value!r} is in rows {', '.join(map(str, places))}; expected "
            f"a different doc_id in every row of corpus {corpus.name!r} ({repeated['doc_id'].n_unique()} values are repeated)"
        )
