"""The columns of raw rows that a corpus is made of, found before a row is read."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import polars as pl

from mgm.corpus.contract import DETECT, LANGUAGES
from mgm.corpus.raw_corpus import RawCorpus
from mgm.corpus.readers import Source, column_names, input_files, split_source
from mgm.corpus.split_column import BY_HASH, SPLIT, SplitColumn, find_split_column
from mgm.settings.names import nearest
from mgm.tasks import Task

GROUP = "group"
"""The column of groups where no setting names one."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a corpus's raw rows, by the field of documents that they become."""

    doc_id: str
    text: str
    lang: str | None
    """The column of the language; None: the corpus has one language, or the languages of its documents are detected."""
    group: str
    splits: SplitColumn
    tasks: dict[str, str]

    @staticmethod
    def _wanted(corpus: RawCorpus) -> list[str]:
        """Return the columns that the settings name."""
        settings = corpus.settings
        named = [settings.id, settings.text_column, settings.lang, settings.group, settings.split]
        labels = [settings.columns.get(task.name, task.name) for task in corpus.tasks]
        return [n for n in named if n and n not in (*LANGUAGES, DETECT, BY_HASH)] + labels

    @classmethod
    def resolve(cls, corpus: RawCorpus) -> "Columns":
        """Find every column before a row is read.

        Raises:
            FileNotFoundError, ValueError: no input, or no such column in it; names the setting and the nearest column.
        """
        present = column_names(corpus.source, wanted=cls._wanted(corpus), dialect=corpus.dialect)
        if not present:
            raise ValueError(f"{corpus.source}: corpus {corpus.name!r} is empty: expected at least one row")
        _check_partitions([*cls._wanted(corpus), GROUP, SPLIT], present, corpus=corpus)

        def need(column: str, setting: str, *, remedy: str = "") -> str:
            if column not in present:
                where = f"corpora.{corpus.name}.{setting}"
                raise ValueError(
                    f"{_file_without(column, corpus)}: no column {column!r}{nearest(column, present)}; {where} names it{remedy}"
                )
            return column

        settings = corpus.settings
        doc_id = need(settings.id, "id")
        text = need(settings.text_column, "text_column")
        lang = None
        if settings.lang not in (*LANGUAGES, DETECT):
            remedy = f", or states the language: one of {', '.join(LANGUAGES)}, or {DETECT}"
            lang = need(settings.lang, "lang", remedy=remedy)
        if settings.group:
            group = need(settings.group, "group")
        else:
            group = GROUP if _have_all(GROUP, present, corpus=corpus) else doc_id
        if settings.split not in (None, BY_HASH):
            need(settings.split, "split", remedy=f", or is {BY_HASH}: by the hash of the group")
        tasks = {
            task.name: need(settings.columns.get(task.name, task.name), f"columns.{task.name}")
            for task in corpus.tasks
        }
        splits = find_split_column(
            corpus.source,
            setting=settings.split,
            taken=[doc_id, text, group, *tasks.values(), *([lang] if lang else [])],
            name=corpus.name,
            dialect=corpus.dialect,
        )
        return cls(doc_id=doc_id, text=text, lang=lang, group=group, splits=splits, tasks=tasks)

    def types(self, tasks: list[Task]) -> dict[str, pl.DataType]:
        """Return the raw columns to read, with the types that they must have.

        A column of numbers that is also a string elsewhere is read as strings, which lose no digit.

        Raises:
            ValueError: a column is a list for one task and something else for another.
        """
        plain = [self.doc_id, self.text, self.group, *(c for c in (self.lang, self.splits.column) if c)]
        types: dict[str, pl.DataType] = dict.fromkeys(plain, pl.String())
        for task in tasks:
            column, dtype = self.tasks[task.name], task.column_type
            present = types.setdefault(column, dtype)
            if present != dtype and (present.is_nested() or dtype.is_nested()):
                raise ValueError(
                    f"column {column!r}: task {task.name!r} needs {dtype}, another use of it {present}; expected a column of its own"
                )
            if present != dtype:
                types[column] = pl.String()
        return types


def _check_partitions(columns: list[str], present: list[str], *, corpus: RawCorpus) -> None:
    """Check that no column is in the names of folders such as `split=train`, which would be lost in silence.

    Raises:
        ValueError: one is.
    """
    for file in input_files(corpus.source):
        for part in PurePosixPath(file.relative).parts[:-1]:
            name, is_partition, _ = part.partition("=")
            if is_partition and name in columns and name not in present:
                raise ValueError(
                    f"{file}: column {name!r} is in the name of the folder {part!r}, where it is not read; expected it in the files "
                    f"(in Spark: write without partitionBy)"
                )


def _have_all(column: str, present: list[str], *, corpus: RawCorpus) -> bool:
    """Return whether the files of an input have a column that no setting names.

    Raises:
        ValueError: only some of them have it, whose values would be lost.
    """
    if column in present:
        return True
    files = split_source(corpus.source)
    if len(files) > 1 and any(column in column_names(file, dialect=corpus.dialect) for file in files):
        raise ValueError(
            f"{_file_without(column, corpus)}: no column {column!r}, which other files of {corpus.source} have; expected all or none of "
            f"them to have it (corpora.{corpus.name}.{column} names another)"
        )
    return False


def _file_without(column: str, corpus: RawCorpus) -> Source:
    """Return the first file of an input that lacks a column."""
    for file in split_source(corpus.source):
        if column not in column_names(file, [column], dialect=corpus.dialect):
            return file
    return corpus.source
