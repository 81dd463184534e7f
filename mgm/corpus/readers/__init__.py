"""Raw rows in: Parquet, JSONL, CSV and TSV, plain or compressed (.gz, .zst), a file or a folder of files, in bounded batches.

Rows are counted from 1 in every message; a table's header is not a row.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from mgm.corpus.readers import delimited, jsonl, parquet
from mgm.settings import nearest


class _Format(NamedTuple):
    names: Callable[[Path], list[str]]
    read: Callable[[Path, Mapping[str, pl.DataType], int, Collection[str]], Iterator[pl.DataFrame]]


_JSONL = _Format(jsonl.names, jsonl.read)
_FORMATS = {
    ".parquet": _Format(parquet.names, parquet.read),
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
    ".csv": _Format(delimited.names, delimited.read),
    ".tsv": _Format(partial(delimited.names, delimiter="\t"), partial(delimited.read, delimiter="\t")),
}
_COMPRESSED = (".gz", ".zst")


def input_files(path: Path) -> list[Path]:
    """The files of an input, sorted by name. A file of an unknown format stops: it would be lost silently.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a file of another format, or a folder without files.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_file():
        files = [path]
    else:
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
        if not files:
            raise ValueError(f"{path}: the folder holds no files")
    for file in files:
        _format(file)
    return files


def _format(file: Path) -> _Format:
    suffixes = [s for s in file.suffixes if s not in _COMPRESSED]
    if not suffixes or suffixes[-1] not in _FORMATS:
        raise ValueError(
            f"{file}: unknown format; expected one of {', '.join(_FORMATS)}, also with .gz or .zst (not .parquet)"
        )
    return _FORMATS[suffixes[-1]]


def column_names(path: Path) -> list[str]:
    """The columns of an input that all its files have (of JSONL: the keys of the first 1,000 rows of each)."""
    names: dict[str, None] | None = None
    for file in input_files(path):
        found = _format(file).names(file)
        names = dict.fromkeys(found if names is None else [n for n in names if n in found])
    return list(names or [])


def read_batches(
    path: Path,
    columns: Mapping[str, pl.DataType],
    rows: int,
    strict: Collection[str] = ("text",),
) -> Iterator[pl.DataFrame]:
    """The rows of an input in file order, in frames of `rows` rows (the last may be shorter), with exactly `columns`.

    A frame may span files. Whole numbers in a string column become strings, except in the `strict` ones.
    In CSV and TSV an empty cell is null, and lists are written as JSON.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: names the file, and the row and column where they are known: a missing column, a value of another
            type, bytes that are not UTF-8, a damaged file.
    """
    waiting: list[pl.DataFrame] = []
    height = 0
    for file in input_files(path):
        _require(file, columns)
        for frame in _format(file).read(file, columns, rows, strict):
            waiting.append(frame)
            height += frame.height
            if height >= rows:
                whole = pl.concat(waiting)
                cut = height - height % rows
                yield from (whole.slice(start, rows) for start in range(0, cut, rows))
                waiting, height = [whole.slice(cut)], height - cut
    if height:
        yield pl.concat(waiting)


def _require(file: Path, columns: Mapping[str, pl.DataType]) -> None:
    found = _format(file).names(file)
    if not found and _format(file) is _JSONL:
        return  # an empty file has no rows, hence no keys
    for name in columns:
        if name not in found:
            raise ValueError(f"{file}: no column {name!r}{nearest(name, found)}")
