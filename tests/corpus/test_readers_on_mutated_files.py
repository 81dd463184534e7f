"""Readers on files with random faults: rows, or one clear error; never a traceback, never a row that is lost."""

import csv
import gzip
import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from mgm.corpus.readers import MissingColumn, column_names, read_batches
from mgm.tasks import TASK_KINDS

COLUMNS = {
    "doc_id": pl.String(),
    "text": pl.String(),
    "label": pl.String(),
    "score": pl.Float32(),
    "tags": TASK_KINDS["multilabel"].column_type,
    "spans": TASK_KINDS["tagging"].column_type,
}
ROWS = [
    {
        "doc_id": f"d{i}",
        "text": text,
        "label": ["a", None, "b"][i % 3],
        "score": [1.5, None, -2.0][i % 3],
        "tags": [["x", "y"], [], None][i % 3],
        "spans": [[{"start": 0, "end": 1, "label": "s"}], None, []][i % 3],
    }
    for i, text in enumerate(["Open the file.", 'a, "b"; c', "打开“文件”\n菜单", "tab\there", "é \\ x", "end"])
]  # fmt: skip
PIECES = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\\", b"{", b"}", b"[", b"]", b":", b"null", b"\x00", b"\xff",
          b"\xef\xbb\xbf", b"\\ud83d", b"\\u0000", b"NaN", b"1e999", b"99999999999999999999", b"'", b" ", b"sep=;\n", "打".encode(),
          b"\xe9", b"true", b"-", b"{}", b"[]", b"\xff\xfe"]  # fmt: skip


def _cells() -> pl.DataFrame:
    lists = [
        pl.Series(n, [None if r[n] is None else json.dumps(r[n]) for r in ROWS]) for n in ("tags", "spans")
    ]
    return pl.DataFrame(ROWS, schema=COLUMNS).with_columns(lists)


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(ROWS, schema=COLUMNS).write_parquet(buffer)
    return buffer.getvalue()


LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
FILES = {
    "a.jsonl": LINES,
    "a.json": json.dumps(ROWS, indent=1).encode(),
    "a.csv": _cells().write_csv().encode(),
    "a.tsv": _cells().write_csv(separator="\t").encode(),
    "b.tsv": b"doc_id\ttext\tlabel\tscore\ttags\tspans\n" + b"".join(b'%d\t"Hi\ta\t1\t[]\t[]\n' % i for i in range(6)),
    "b.csv": _cells().write_csv(separator=";").encode("utf-16"),
    "a.jsonl.gz": gzip.compress(LINES, mtime=0),
    "a.parquet": _parquet(),
}  # fmt: skip


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(PIECES)


def _delete(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice([1, 1, 1, 2, 9])]


def _replace(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def _repeat(data: bytearray, rng: random.Random) -> None:
    at, length = rng.randrange(len(data)), rng.choice([1, 5, 60])
    data[at:at] = data[at : at + length]


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(1, len(data)) :]


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    _insert,
    _insert,
    _delete,
    _replace,
    _repeat,
    _cut,
]


def _mutated(data: bytes, rng: random.Random) -> bytes:
    mutated = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        if mutated:
            rng.choice(MUTATIONS)(mutated, rng)
    return bytes(mutated)


def _check(path: Path, data: bytes) -> str:
    """Read a file of this content, and return what came of it."""
    path.write_bytes(data)
    outcomes: list[Any] = []
    for read in (lambda: column_names(path), lambda: list(read_batches(path, COLUMNS, rows=4))):
        try:
            outcomes.append(read())
        except BaseException as error:
            message = str(error)
            assert type(error) in (ValueError, MissingColumn), repr(error)
            assert message.startswith(f"{path}: "), message
            assert "\n" not in message and "\r" not in message and message.isprintable(), repr(message)
            assert len(message) < 700, message
            outcomes.append(None)
    if outcomes[1] is None:
        return "error"
    frames = outcomes[1]
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=COLUMNS)
    assert rows.schema == pl.Schema(COLUMNS)
    expected = _num_rows(path.name, data)
    assert expected is None or rows.height == expected, (data, rows.rows())
    return "rows"


def _num_rows(name: str, data: bytes) -> int | None:
    """Return the rows of a file by code that is no part of the readers; None: another reading of it is right, too."""
    if name == "a.parquet":
        return int(pq.ParquetFile(io.BytesIO(data)).metadata.num_rows)
    if name.endswith(".gz"):
        data = gzip.decompress(
            data
        )  # an error of it would be rows that are damaged, and no error of the reader
    if name != "b.csv" and (data.startswith((b"sep=", b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]):
        return None
    encoding = "utf-16" if name == "b.csv" else "utf-8-sig"
    text = data.decode(encoding, errors="replace" if name == "b.csv" else "surrogateescape")
    if name == "b.tsv":  # every line is a row: its quotes are no pairs
        return len([line for line in re.split(r"[\r\n]+", text) if line]) - 1
    if name.endswith(("csv", "tsv")):
        separator = {"a.csv": ",", "a.tsv": "\t", "b.csv": ";"}[name]
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return sum(1 for row in rows if row) - 1
    text = text.strip()
    if text.startswith("["):
        return len(json.loads(text, strict=False))
    count = 0
    while text:
        _, end = json.JSONDecoder(strict=False).raw_decode(text)
        text, count = text[end:].lstrip(), count + 1
    return count


@pytest.mark.parametrize("count", [40, pytest.param(1_250, marks=pytest.mark.slow)], ids=["some", "10,000"])
@pytest.mark.parametrize("name", list(FILES))
def test_a_mutated_file_gives_rows_or_one_clear_error(tmp_path: Path, name: str, count: int) -> None:
    path = tmp_path / name
    assert _check(path, FILES[name]) == "rows"
    rng = random.Random(f"{name} {count}")
    outcomes = [_check(path, _mutated(FILES[name], rng)) for _ in range(count)]
    assert set(outcomes) <= {"rows", "error"} and "error" in outcomes
