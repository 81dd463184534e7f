"""Raw rows to documents: identity, language, group, split and labels under the names that every later stage knows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mgm.corpus.contract import DETECT, LANGUAGES, SPLITS, document_schema, enforce, row_contract
from mgm.corpus.parts import REJECTS, Counts, PartsWriter
from mgm.corpus.progress import progress
from mgm.corpus.readers import Source, column_names, input_files, read_batches
from mgm.corpus.splits import assign_splits
from mgm.corpus.statistics import Statistics
from mgm.settings.corpora import CorpusSettings, IngestSettings
from mgm.settings.names import nearest
from mgm.tasks import Task


@dataclass(frozen=True)
class Columns:
    """Where the fields of a corpus's documents come from in its raw rows."""

    doc_id: str
    text: str
    lang: str | None
    """None: the corpus has one language, or its documents' languages are to be detected; there is no column."""
    group: str
    split: str | None
    tasks: dict[str, str]

    @classmethod
    def resolve(cls, corpus: str, source: Source, settings: CorpusSettings, tasks: list[Task]) -> "Columns":
        """Finds every column before a row is read.

        Raises:
            FileNotFoundError, ValueError: no input, or no such column in it; names the setting and the nearest column.
        """
        found = column_names(source)
        if not found:
            raise ValueError(f"{source}: corpus {corpus!r} is empty: expected at least one row")

        def need(column: str, setting: str, remedy: str = "") -> str:
            if column not in found:
                where = f"corpora.{corpus}.{setting}" if setting else f"corpora.{corpus}"
                raise ValueError(
                    f"{source}: no column {column!r}{nearest(column, found)}; {where} names it{remedy}"
                )
            return column

        doc_id = need(settings.id, "id")
        lang = settings.lang
        return cls(
            doc_id=doc_id,
            text=need(settings.text_column, "text_column"),
            lang=None
            if lang in (*LANGUAGES, DETECT)
            else need(lang, "lang", f", or states the language: one of {', '.join(LANGUAGES)}, or {DETECT}"),
            group=need(settings.group, "group")
            if settings.group
            else ("group" if "group" in found else doc_id),
            split=need(settings.split, "split") if settings.split else None,
            tasks={
                task.name: need(settings.columns.get(task.name, task.name), f"columns.{task.name}")
                for task in tasks
            },
        )

    def types(self, tasks: list[Task]) -> dict[str, pl.DataType]:
        """The raw columns to read, with the types that they must have."""
        plain = [self.doc_id, self.text, self.group, *(c for c in (self.lang, self.split) if c)]
        return dict.fromkeys(plain, pl.String()) | {self.tasks[t.name]: t.column_type for t in tasks}


def read_documents(
    corpus: str, source: Source, settings: CorpusSettings, tasks: list[Task], size: IngestSettings
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The documents of a corpus in file order, as (kept, rejected) of one part's raw rows each.

    Raises:
        FileNotFoundError, ValueError: one that names the file and, where it is known, the row, column and value.
    """
    columns = Columns.resolve(corpus, source, settings, tasks)
    contract = row_contract(tasks)
    schema = document_schema(tasks)
    stated = None if settings.lang == DETECT else settings.lang
    batches = read_batches(
        source, columns.types(tasks), size.rows_per_part, (columns.text,), size.megabytes_per_part
    )
    first = 1
    for raw in batches:
        frame = raw.select(
            pl.col(columns.doc_id).alias("doc_id"),
            pl.col(columns.text).alias("text"),
            (pl.col(columns.lang) if columns.lang else pl.lit(stated, pl.String)).alias("lang"),
            pl.coalesce(columns.group, columns.doc_id).alias("group"),
            (pl.col(columns.split) if columns.split else pl.lit(None, pl.String)).alias("split"),
            *(pl.col(column).alias(task) for task, column in columns.tasks.items()),
        ).cast(schema)
        _check(frame["doc_id"].is_null(), frame["doc_id"], first, source, columns.doc_id, "a value")
        if columns.lang:
            wrong = ~frame["lang"].is_in(LANGUAGES).fill_null(False)
            expected = f"one of {', '.join(LANGUAGES)} (lang: {DETECT} finds them)"
            _check(wrong, frame["lang"], first, source, columns.lang, expected)
        if columns.split:
            wrong = ~frame["split"].is_in(SPLITS).fill_null(False)
            _check(wrong, frame["split"], first, source, columns.split, f"one of {', '.join(SPLITS)}")
        else:
            frame = frame.with_columns(assign_splits(frame))
        yield enforce(frame.select(schema.names()), contract)
        first += raw.height


def _check(bad: pl.Series, values: pl.Series, first: int, source: Source, column: str, expected: str) -> None:
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


def ingest(
    corpus: str,
    source: Source,
    settings: CorpusSettings,
    tasks: list[Task],
    size: IngestSettings,
    target: Path,
    rejects: Path,
) -> tuple[Counts, Statistics]:
    """Writes a corpus's documents and rejects as tables. Counted: characters; measured: characters_per_document.

    Every doc_id is unique afterwards. Memory: two parts, and 8 bytes a document for the ids' hashes (twice that while
    they are compared).

    Raises:
        FileNotFoundError, ValueError: see `read_documents`; also an empty corpus, and a repeated doc_id.
    """
    counts, statistics = Counts(), Statistics()
    hashes: list[pl.Series] = []
    with PartsWriter(target, document_schema(tasks)) as out, PartsWriter(rejects, REJECTS) as dropped:
        parts = read_documents(corpus, source, settings, tasks, size)
        for kept, rejected in progress(parts, f"ingest {corpus}"):
            ids = pl.concat([kept["doc_id"], rejected["doc_id"]])
            counts.add(len(ids), kept, rejected)
            hashes.append(ids.hash(seed=0))
            characters = kept["text"].str.len_chars()
            statistics.count("characters", int(characters.sum()))
            statistics.measure("characters_per_document", characters)
            out.write(kept)
            dropped.write(rejected.with_columns(stage=pl.lit("ingest")))
        if not counts.rows_in:
            raise ValueError(f"{source}: corpus {corpus!r} is empty: expected at least one row")
        whole = pl.concat(hashes)
        if whole.n_unique() != counts.rows_in:
            _raise_repeated(corpus, source, settings, size, whole.filter(whole.is_duplicated()).unique())
    return counts, statistics


def _raise_repeated(
    corpus: str, source: Source, settings: CorpusSettings, size: IngestSettings, hashes: pl.Series
) -> None:
    """Reads once more, and names the first doc_id of these hashes that is repeated, with its rows. Equal hashes of
    different ids are no error."""
    found, first = [], 1
    for frame in read_batches(source, {settings.id: pl.String()}, size.rows_per_part, strict=()):
        numbered = frame.with_row_index("row", first)
        found.append(numbered.filter(pl.col(settings.id).hash(seed=0).is_in(hashes.implode())))
        first += frame.height
    rows = pl.concat(found)
    repeated = rows.filter(pl.col(settings.id).is_duplicated())
    if repeated.height:
        value = repeated[settings.id][0]
        places = repeated.filter(pl.col(settings.id) == value)["row"].head(5).to_list()
        raise ValueError(
            f"{_where(source)}column {settings.id!r}: value {value!r} stands in rows {', '.join(map(str, places))}; expected "
            f"a different doc_id in every row of corpus {corpus!r} ({repeated[settings.id].n_unique()} values are repeated)"
        )
