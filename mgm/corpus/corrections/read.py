"""The files of corrections as one table: a row a document, a column a task, null where a label was not corrected.

Files are read in the order of their paths, and a later one replaces the labels of an earlier one. All corrections are in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.annotations.annotators import DISAGREEMENT
from mgm.corpus.annotations.doccano import read_doccano
from mgm.corpus.annotations.documents import Choices, Document, Dropped, Found, Label, Span
from mgm.corpus.annotations.label_studio import CANCELLED, read_label_studio
from mgm.corpus.annotations.options import ImportOptions
from mgm.corpus.readers import Dialect, column_names, read_batches
from mgm.corpus.readers.input_files import COMPRESSIONS, InputFile, find_files
from mgm.settings.names import nearest
from mgm.tasks import Task, TaskColumns

DOC_ID, TEXT, PLACE = "doc_id", "text", "place"
_OTHER_FILES = (".dvc", ".md", ".xml", ".dropped.jsonl")
"""Files beside corrections: of DVC, notes, labelling interfaces, what an import has dropped."""
_TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
_LABEL_STUDIO_KEYS = {"annotations", "completions", "annotation_id"}
_DOCCANO_KEYS = {"label", "labels", "entities"}
_NO_LABEL = (CANCELLED, DISAGREEMENT)
"""The reasons for which annotators leave a document without a label, which is no fault of the file."""
_ROWS = 20_000


def correction_files(place: str | Path) -> list[InputFile]:
    """Return the files of corrections in the order of their paths.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: no file of corrections is.
    """
    files = [file for file in find_files(Path(place)) if not file.relative.endswith(_OTHER_FILES)]
    if not files:
        raise ValueError(f"{place}: no corrections in it; expected .json, {', '.join(_TABLES)}")
    return files


def read_corrections(
    place: str | Path, tasks: Sequence[Task], *, columns: Mapping[str, str], dialect: Dialect, id_column: str
) -> pl.DataFrame:
    """Return the corrections: doc_id, text (null: not given), place, and of each task its label column.

    Args:
        place: a file or a folder.
        tasks: the tasks that the corpus labels.
        columns: the columns of these tasks in the corpus.
        dialect: how its text files are written.
        id_column: the column of its ids, beside doc_id.

    Raises:
        FileNotFoundError, ValueError: a file cannot be read, or says something else of a document twice; names file, place and value.
    """
    names = {name: task for task in tasks for name in (columns[task.name], task.name)}
    tables = []
    for file in correction_files(place):
        table = _read_file(file, names, tasks=tasks, dialect=dialect, id_column=id_column)
        tables.append(_once(table, file))
    whole = pl.concat(tables)
    return whole.group_by(DOC_ID, maintain_order=True).agg(pl.all().exclude(DOC_ID).drop_nulls().last())


def _schema(tasks: Sequence[Task]) -> pl.Schema:
    columns: dict[str, pl.DataType] = dict.fromkeys((DOC_ID, TEXT, PLACE), pl.String())
    return pl.Schema(columns | {task.columns.label: task.column_type for task in tasks})


def _read_file(
    file: InputFile,
    names: Mapping[str, Task],
    *,
    tasks: Sequence[Task],
    dialect: Dialect,
    id_column: str,
) -> pl.DataFrame:
    suffix = [s for s in file.suffixes if s not in COMPRESSIONS][-1:]
    if suffix not in [[".json"], *([s] for s in _TABLES)]:
        raise ValueError(
            f"{file}: unknown format of corrections; expected .json (Label Studio), {', '.join(_TABLES)}; import other exports as "
            "Parquet first"
        )
    present = column_names(file, [id_column, DOC_ID, *names], dialect=dialect)
    if suffix == [".json"] and (_LABEL_STUDIO_KEYS & set(present) or not {DOC_ID, id_column} & set(present)):
        found = read_label_studio(file, ImportOptions())
        return _from_documents(found, names, tasks=tasks)
    ids = next((name for name in (DOC_ID, id_column) if name in present), None)
    if ids is None:
        raise ValueError(f"{file}: no column {DOC_ID!r}{nearest(DOC_ID, present)}")
    of_tasks = {task.name: name for name, task in names.items() if name in present}
    if not of_tasks and _DOCCANO_KEYS & set(present) and len(tasks) == 1:
        found = read_doccano([file], ImportOptions(task=tasks[0].name))
        return _from_documents(found, names, tasks=tasks)
    if not of_tasks:
        raise ValueError(f"{file}: no column of a task of this corpus ({', '.join(task.name for task in tasks)})")  # fmt: skip
    return _from_table(file, of_tasks, ids=ids, tasks=tasks, dialect=dialect, has_text=TEXT in present)


def _from_table(
    file: InputFile,
    of_tasks: Mapping[str, str],
    *,
    ids: str,
    tasks: Sequence[Task],
    dialect: Dialect,
    has_text: bool,
) -> pl.DataFrame:
    """Return the corrections of a table; rows without any label are none."""
    types = {task.name: task.column_type for task in tasks}
    wanted: dict[str, pl.DataType] = dict.fromkeys((ids, TEXT) if has_text else (ids,), pl.String())
    wanted |= {column: types[name] for name, column in of_tasks.items()}
    tables, first = [], 1
    for frame in read_batches(file, wanted, rows=_ROWS, strict=(), dialect=dialect):
        missing = frame[ids].is_null().arg_true()
        if len(missing):
            raise ValueError(f"{file}: row {first + missing[0]}, column {ids!r}: no value; expected an id")
        row = pl.format("{}: row {}", pl.lit(str(file)), pl.int_range(first, first + frame.height))
        empty = {task.columns.label: pl.lit(None, task.column_type) for task in tasks}
        labels = {TaskColumns(name).label: pl.col(column) for name, column in of_tasks.items()}
        tables.append(
            frame.select(
                pl.col(ids).alias(DOC_ID),
                (pl.col(TEXT) if has_text else pl.lit(None, pl.String)).alias(TEXT),
                row.alias(PLACE),
                **(empty | labels),
            )
        )
        first += frame.height
    table = pl.concat(tables) if tables else pl.DataFrame(schema=_schema(tasks))
    return table.filter(pl.any_horizontal(pl.col(task.columns.label).is_not_null() for task in tasks))


def _from_documents(
    found: Iterator[Found], names: Mapping[str, Task], *, tasks: Sequence[Task]
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for item in found:
        if isinstance(item, Dropped):
            if item.reason in _NO_LABEL:
                continue
            raise ValueError(f"{item.place}: {item.reason}: {item.found}")
        row = _row(item, names)
        if len(row) > len((DOC_ID, TEXT, PLACE)):
            rows.append(row)
    return pl.DataFrame(rows, schema=_schema(tasks))


def _row(document: Document, names: Mapping[str, Task]) -> dict[str, Any]:
    row: dict[str, Any] = {DOC_ID: document.doc_id, TEXT: document.text, PLACE: document.place}
    for name, label in document.labels.items():
        if name not in names:
            raise ValueError(
                f"{document.place}: {name!r} is no task of this corpus{nearest(name, names)}; expected one of {', '.join(names)}"
            )
        if label is not None:
            task = names[name]
            row[task.columns.label] = _as_value(label, task, place=f"{document.place}: {name!r}")
    return row


def _as_value(label: Label, task: Task, *, place: str) -> Any:
    """Return a label as the task's column has it.

    Raises:
        ValueError: it is of another form.
    """
    dtype = task.column_type
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        if isinstance(label, list):
            spans = [item._asdict() for item in label if isinstance(item, Span)]
            if len(spans) == len(label):
                return spans
    elif isinstance(dtype, pl.List):
        if isinstance(label, Choices | list):
            return list(label)
    elif dtype.is_numeric():
        if isinstance(label, float):
            return label
    elif isinstance(label, Choices):
        if len(label) == 1:
            return label[0]
    elif isinstance(label, str):
        return label
    raise ValueError(f"{place}: {label!r:.80}: expected a label of a {task.kind} task")


def _once(table: pl.DataFrame, file: InputFile) -> pl.DataFrame:
    """Return the corrections of a file, each of which has one row a document.

    Raises:
        ValueError: a document stands in the file twice, with different labels.
    """
    distinct = table.unique(table.drop(PLACE).columns, maintain_order=True)
    repeated = distinct.filter(pl.col(DOC_ID).is_duplicated())
    if repeated.height:
        doc_id = repeated[DOC_ID][0]
        places = repeated.filter(pl.col(DOC_ID) == doc_id)[PLACE].head(2).to_list()
        raise ValueError(f"{places[1]}: document {doc_id!r} has another label than in {places[0]}; expected one in {file}")  # fmt: skip
    return distinct
