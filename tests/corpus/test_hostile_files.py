"""Files that are made to fill the memory or the day: each is read within bounds, or is an error of one line."""

import gzip
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgm.corpus.readers import Dialect, UnpacksTooLarge, input_files, parquet, plain_text, read_batches
from mgm.scoring.inputs import Inputs

COLUMNS = {"doc_id": pl.String(), "text": pl.String()}
MEGABYTE = 1_000_000


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def read(source: Path, **options: object) -> int:
    return sum(frame.height for frame in read_batches(source, COLUMNS, rows=1_000, **options))


@cache
def packed_block() -> bytes:
    return gzip.compress(b"a" * 10 * MEGABYTE)


def bomb(path: Path, begin: bytes) -> Path:
    """Write a file of two megabytes that unpacks to 2 GB: one packed block again and again."""
    return put(path, gzip.compress(begin) + packed_block() * 200)


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("a.jsonl.gz", b'{"doc_id": "a", "text": "'),
        ("a.json.gz", b'[{"doc_id": "a", "text": "'),
        ("a.csv.gz", b"doc_id,text\na,"),
        ("a.txt.gz", b""),
    ],
)
def test_archive_that_unpacks_to_terabytes(tmp_path: Path, name: str, begin: bytes) -> None:
    """It is read up to the limit alone, which is here some megabytes."""
    path = bomb(tmp_path / name, begin)
    with pytest.raises(
        UnpacksTooLarge, match=r"a\.\w+\.gz: unpacks to more than 0\.005 GB \(.* as stored\)$"
    ):
        read(path, dialect=Dialect(max_unpacked=0.005))
    inputs = Inputs(path, dialect=Dialect(max_unpacked=0.005))
    with pytest.raises(UnpacksTooLarge, match=r"as stored\); score\.max_unpacked allows more$"):
        inputs.check(1_000)


def test_parquet_that_unpacks_to_terabytes(tmp_path: Path) -> None:
    """A value that stands in the file once, and in each of its rows."""
    rows = 4_000
    frame = pl.DataFrame({"doc_id": [str(i) for i in range(rows)], "text": ["a" * 10_000] * rows})
    frame.write_parquet(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < MEGABYTE
    with pytest.raises(UnpacksTooLarge, match=r"a\.parquet: unpacks to more than 0\.01 GB"):
        read(tmp_path / "a.parquet", dialect=Dialect(max_unpacked=0.01))


def test_parquet_whose_long_value_stands_in_each_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kilobytes that would unpack to 100 GB: a batch has few rows, and reading ends at the limit."""
    rows, size = 100_000, 1 << 20
    texts = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["a" * size])
    table = pa.table({"doc_id": pa.array(range(rows)).cast(pa.string()), "text": texts})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < MEGABYTE
    with pq.ParquetFile(path) as file:
        longest = parquet._longest_repeated(input_files(path)[0], file.metadata, columns=["text"])
    assert longest == 4 + size
    monkeypatch.setattr(parquet, "_MAX_REPEATED_BYTES", 4 * size)
    read_rows = []
    monkeypatch.setattr(parquet, "_check_utf8", lambda _, table, **__: read_rows.append(table.num_rows))
    with pytest.raises(UnpacksTooLarge, match=r"a\.parquet: unpacks to more than 0\.008 GB"):
        read(path, dialect=Dialect(max_unpacked=0.008))
    assert max(read_rows) <= 16


def test_files_that_are_stored_as_they_are_have_no_limit(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", b'{"doc_id": "a", "text": "b"}\n' * 1_000)
    assert read(path, dialect=Dialect(max_unpacked=0.000001)) == 1_000


def test_text_longer_than_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_text, "MAX_ROW_BYTES", 8 << 20)
    path = bomb(tmp_path / "a.txt.gz", b"")
    with pytest.raises(ValueError, match=r"a\.txt\.gz: longer than 8 MiB; expected one document a file$"):
        read(path)


def test_few_compressed_texts_are_in_memory_at_once(tmp_path: Path) -> None:
    for i in range(40):
        put(tmp_path / f"{i}.txt.gz", gzip.compress(b"text"))
    groups = list(plain_text._groups(input_files(tmp_path), 1_000))
    assert {len(group) for group in groups} == {plain_text._THREADS}
    assert read(tmp_path) == 40


def test_object_of_many_keys(tmp_path: Path) -> None:
    """The keys are counted once; each against all others took 20 s here."""
    keys = b"".join(b',"k%d":1' % i for i in range(20_000))
    path = put(tmp_path / "a.jsonl", b'{"doc_id":"a","doc_id":"b","text":"x"' + keys + b"}\n")
    start = time.process_time()
    with pytest.raises(ValueError, match=r"row 1, column 'doc_id': this key twice in one object"):
        read(path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("value", [b"[" * 100_000, b'{"a":' * 100_000], ids=["arrays", "objects"])
def test_deep_json(tmp_path: Path, value: bytes) -> None:
    row = b'{"doc_id": "a", "text": "b", "c": ' + value
    for name, data in {"a.jsonl": row + b"}\n", "a.json": b"[" + row}.items():
        with pytest.raises(ValueError, match=r"row 1.*: not valid JSON: nested too deeply$"):
            read(put(tmp_path / name, data))


def test_links_that_never_end_or_double_their_files(tmp_path: Path) -> None:
    """Neither of the first two folders holds the other; each of the others is reached twice from the one before."""
    left, right = tmp_path / "in" / "left", tmp_path / "far"
    put(left / "a.jsonl", b"")
    put(right / "b.jsonl", b"")
    (left / "over").symlink_to(right)
    (right / "back").symlink_to(left)
    with pytest.raises(ValueError, match=r"in/left/over/back: a link to a folder that holds it; expected"):
        input_files(tmp_path / "in")
    for number in range(40):
        (tmp_path / f"{number}").mkdir()
        for name in ("x", "y"):
            (tmp_path / f"{number}" / name).symlink_to(tmp_path / f"{number + 1}")
    put(tmp_path / "40" / "c.jsonl", b"")
    with pytest.raises(ValueError, match=r"/y: a link to a folder that is here already as .*/x; expected"):
        input_files(tmp_path / "0")


def test_a_million_small_files_would_fit(tmp_path: Path) -> None:
    """A file is held as its path and size: 2,000 of them take what allows a million in 400 MB."""
    for number in range(2_000):
        (tmp_path / f"{number:07}.txt").touch()
    tracemalloc.start()
    try:
        files = input_files(tmp_path)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [file.relative for file in files[::1_999]] == ["0000000.txt", "0001999.txt"]
    assert held / len(files) < 400
    assert peak / len(files) < 600


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    for source in (tmp_path, tmp_path / "a.jsonl"):
        with pytest.raises(ValueError, match="a pipe or a device"):
            input_files(source)


SCRIPT = """
import resource, sys
from mgm.scoring.inputs import Inputs
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(Inputs(sys.argv[1]).check(1_000), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


@pytest.mark.slow
def test_line_of_100_megabytes(tmp_path: Path) -> None:
    """One row, read in some 12 times its size; the scorer then rejects it as too long."""
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(b'{"doc_id": "a", "text": "')
        for _ in range(100):
            file.write(b"word " * (MEGABYTE // 5))
        file.write(b'"}\n')
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a.jsonl")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (10 << 30, 10 << 30)),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    rows, megabytes = map(int, done.stdout.split())
    assert rows == 1
    assert megabytes < 1_800
