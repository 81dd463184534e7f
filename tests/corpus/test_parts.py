"""Tables between stages: whole or absent, the same bytes for the same rows, nothing lost."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.compute.processes import LocalExecutor
from mgm.corpus.parts import (
    MANIFEST,
    Counts,
    PartsWriter,
    Transform,
    Transformed,
    map_parts,
    read_manifest,
    read_parts,
    read_table,
)
from mgm.corpus.statistics import Statistics
from mgm.errors import AlteredInput

SCHEMA = {"doc_id": pl.String(), "n": pl.Int32()}


def frame(*rows: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def test_parts_come_back_in_order(tmp_path: Path) -> None:
    with PartsWriter(tmp_path, SCHEMA) as writer:
        writer.write(frame(("b", 2), ("a", 1)))
        writer.write(frame(("詩", 3)), "cafe")
    manifest = read_manifest(tmp_path)
    assert manifest.rows == 3
    assert [(p.name, p.rows, p.input_sha256) for p in manifest.parts] == [
        ("part-00000.parquet", 2, ""),
        ("part-00001.parquet", 1, "cafe"),
    ]
    assert [f["doc_id"].to_list() for f in read_parts(tmp_path)] == [["b", "a"], ["詩"]]


def test_an_interrupted_write_leaves_no_table(tmp_path: Path) -> None:
    with PartsWriter(tmp_path, SCHEMA) as writer:
        writer.write(frame(("old", 1)))
    with pytest.raises(KeyError), PartsWriter(tmp_path, SCHEMA) as writer:
        writer.write(frame(("new", 1)))
        raise KeyError("killed")
    with pytest.raises(FileNotFoundError, match="no finished table"):
        read_manifest(tmp_path)


def test_stray_files_are_never_read_and_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    with PartsWriter(tmp_path, SCHEMA):
        pass
    frame(("stray", 9)).write_parquet(tmp_path / "part-00007.parquet")
    assert read_table(tmp_path).height == 0
    assert read_table(tmp_path).schema == SCHEMA


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    rows = frame(*[(f"d{i}", i) for i in range(50_000)])
    hashes = set()
    for name in ("a", "b"):
        with PartsWriter(tmp_path / name, SCHEMA) as writer:
            writer.write(rows)
        hashes.add(read_manifest(tmp_path / name).parts[0].sha256)
    assert len(hashes) == 1


@dataclass(frozen=True)
class KeepEven:
    """Keeps the even numbers; at `fault` it fails, at `death` its process is killed."""

    fault: int = -1
    death: int = -1

    def __call__(self, rows: pl.DataFrame) -> Transformed:
        if self.fault in rows["n"]:
            raise ValueError(f"cannot take {self.fault}")
        if self.death in rows["n"]:
            os.kill(os.getpid(), signal.SIGKILL)
        odd = pl.col("n") % 2 == 1
        rejected = rows.filter(odd).select(
            "doc_id", reasons=pl.lit(["odd"], pl.List(pl.String)), values=pl.lit("{}")
        )
        found = Statistics()
        found.count("seen/numbers", rows.height)
        found.measure("n", rows["n"])
        return Transformed(rows.filter(~odd), rejected, found)


def table(folder: Path, parts: list[list[int]]) -> Path:
    with PartsWriter(folder, SCHEMA) as writer:
        for part, values in enumerate(parts):
            writer.write(frame(*[(f"{part}-{i}", n) for i, n in enumerate(values)]))
    return folder


@settings(max_examples=20)
@given(numbers=st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=4))
def test_rows_in_are_rows_out_plus_rejected(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("map")
    table(folder / "in", numbers)
    counts, statistics = map_parts(
        folder / "in",
        folder / "out",
        rejects=folder / "rejects",
        stage="evens",
        schema=SCHEMA,
        transform=KeepEven(),
    )
    kept, rejected = read_table(folder / "out"), read_table(folder / "rejects")
    every = [n for values in numbers for n in values]
    assert (counts.rows_in, counts.rows_out, counts.rejected) == (len(every), kept.height, rejected.height)
    assert kept["n"].to_list() == [n for n in every if n % 2 == 0]
    assert counts.reasons == ({"odd": rejected.height} if rejected.height else {})
    assert rejected["stage"].to_list() == ["evens"] * rejected.height
    assert len(read_manifest(folder / "out").parts) == len(numbers)
    assert statistics.result()["seen"] == {"numbers": len(every)}


def run(folder: Path, transform: Transform, processes: int = 1) -> None:
    """Make the table `out` of the table `in`, with rejects in `no`."""
    map_parts(
        folder / "in",
        folder / "out",
        rejects=folder / "no",
        stage="s",
        schema=SCHEMA,
        transform=transform,
        executor=LocalExecutor(processes),
    )


def _losing(rows: pl.DataFrame) -> Transformed:
    nothing = pl.DataFrame(schema={"doc_id": pl.String, "reasons": pl.List(pl.String), "values": pl.String})
    return Transformed(rows.head(1), nothing)


def test_a_transform_that_loses_a_row_is_a_bug_at_once(tmp_path: Path) -> None:
    table(tmp_path / "in", [[1, 2]])
    with pytest.raises(AssertionError, match="2 rows in, but 1 out and 0 rejected"):
        run(tmp_path, _losing)


def test_each_part_says_what_it_was_made_from(tmp_path: Path) -> None:
    table(tmp_path / "in", [[1, 2], [4]])
    run(tmp_path, KeepEven())
    sources = [part.sha256 for part in read_manifest(tmp_path / "in").parts]
    assert [part.input_sha256 for part in read_manifest(tmp_path / "out").parts] == sources
    assert [part.input_sha256 for part in read_manifest(tmp_path / "no").parts] == sources


def test_two_processes_write_the_same_bytes_and_count_the_same(tmp_path: Path) -> None:
    table(tmp_path / "in", [[part, part + 1, 7] for part in range(9)] + [[]])
    found = {}
    for processes in (1, 2):
        out, rejects = tmp_path / f"out{processes}", tmp_path / f"rejects{processes}"
        counts, statistics = map_parts(
            tmp_path / "in",
            out,
            rejects=rejects,
            stage="evens",
            schema=SCHEMA,
            transform=KeepEven(),
            executor=LocalExecutor(processes),
        )
        files = {p.relative_to(tmp_path).parts[1:]: p.read_bytes() for p in sorted(out.iterdir())}
        dropped = {p.name: p.read_bytes() for p in sorted(rejects.iterdir())}
        found[processes] = (files, dropped, counts, statistics.result())
    assert found[1] == found[2]
    assert found[2][2] == Counts(27, 9, 18, {"odd": 18})


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_a_part_leaves_neither_table_nor_process(tmp_path: Path, processes: int) -> None:
    table(tmp_path / "in", [[0], [2], [5], [4], [6]])
    with pytest.raises(ValueError, match="cannot take 5"):
        run(tmp_path, KeepEven(5), processes=processes)
    assert not (tmp_path / "out" / MANIFEST).exists()
    assert not (tmp_path / "no" / MANIFEST).exists()
    assert not _workers(os.getpid())


def test_a_killed_worker_is_an_error(tmp_path: Path) -> None:
    table(tmp_path / "in", [[0], [2], [5], [4]])
    with pytest.raises(
        ChildProcessError, match="one of 2 processes ended abruptly.*fewer processes need less"
    ):
        run(tmp_path, KeepEven(death=5), processes=2)
    assert not (tmp_path / "out" / MANIFEST).exists()
    assert not _workers(os.getpid())


def test_a_transform_that_cannot_be_sent_is_an_error_at_once(tmp_path: Path) -> None:
    table(tmp_path / "in", [[0], [2]])
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="pickle|local object"):
        run(tmp_path, lambda f: KeepEven()(f), processes=2)
    assert not _workers(os.getpid())


_SLOW = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
import polars as pl
from mgm.compute.processes import LocalExecutor
from mgm.corpus.parts import Transformed, map_parts

@dataclass(frozen=True)
class Slow:
    def __call__(self, rows):
        Path("begun").touch()
        time.sleep(0.2)
        return Transformed(rows, pl.DataFrame(schema={"doc_id": pl.String, "reasons": pl.List(pl.String), "values": pl.String}))

if __name__ == "__main__":
    schema = {"doc_id": pl.String(), "n": pl.Int32()}
    map_parts(Path("in"), Path("out"), rejects=Path("no"), stage="s", schema=schema, transform=Slow(), executor=LocalExecutor(2))
"""


def test_a_killed_main_process_leaves_no_table_and_no_workers(tmp_path: Path) -> None:
    table(tmp_path / "in", [[n] for n in range(200)])
    (tmp_path / "slow.py").write_text(_SLOW)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "slow.py"], cwd=tmp_path, env=environment) as main:
        _wait(lambda: (tmp_path / "begun").exists() or main.poll() is not None)
        workers = _workers(main.pid)
        main.kill()
    assert len(workers) == 2
    assert not psutil.wait_procs(workers, timeout=20)[1]
    assert not (tmp_path / "out" / MANIFEST).exists()


def _workers(parent: int) -> list[psutil.Process]:
    """The worker processes below `parent` (not the one that tracks resources)."""
    children = psutil.Process(parent).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def _wait(until: object, seconds: float = 60) -> None:
    assert callable(until)
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def written(folder: Path) -> Path:
    """Write a table of two parts, and return the file of the second."""
    with PartsWriter(folder, SCHEMA) as writer:
        writer.write(frame(("a", 1)))
        writer.write(frame(*[(f"d{i}", i) for i in range(40)]))
    return folder / "part-00001.parquet"


def halve(path: Path) -> None:
    pl.read_parquet(path).head(20).write_parquet(path)


def alter_value(path: Path) -> None:
    pl.read_parquet(path).with_columns(n=pl.col("n") + 1).write_parquet(path)


def break_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("alter", "found"),
    [
        (halve, r"altered since it was written: 20 rows, SHA-256 \w{12}; expected 40 rows, SHA-256 \w{12}$"),
        (alter_value, r"altered since it was written: 40 rows, .*; expected 40 rows, SHA-256 \w{12}$"),
        (break_file, r"altered since it was written: unreadable, SHA-256 \w{12}; expected 40 rows"),
        (Path.unlink, "gone; expected 40 rows, SHA-256"),
    ],
    ids=["first half", "other values", "truncated", "deleted"],
)
def test_altered_part_is_named(tmp_path: Path, alter: Callable[[Path], object], found: str) -> None:
    """A part that is not the one that was written stops whoever reads it, in this process and in another."""
    path = written(tmp_path / "in")
    alter(path)
    with pytest.raises(AlteredInput, match=f"in/part-00001.parquet: {found}"):
        read_table(tmp_path / "in", ["doc_id"])
    with pytest.raises(AlteredInput, match=f"in/part-00001.parquet: {found}") as error:
        run(tmp_path, KeepEven())
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"rows": 41', '"rows": 40', "its parts have 41 rows in all; expected 40"),
        ('"rows": 1,', '"rows": 1', "not the list of a table's parts"),
        ('"sha256"', '"hash"', "not the list of a table's parts"),
    ],
    ids=["another total", "no JSON", "another key"],
)
def test_altered_manifest_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    written(tmp_path)
    path = tmp_path / MANIFEST
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AlteredInput, match=f"{MANIFEST}: {message}"):
        read_manifest(tmp_path)


def test_manifest_with_other_rows_than_the_file(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / MANIFEST
    path.write_text(path.read_text().replace('"rows": 41', '"rows": 42').replace('"rows": 40', '"rows": 41'))
    with pytest.raises(AlteredInput, match="part-00001.parquet: 40 rows; expected 41"):
        read_table(tmp_path)
