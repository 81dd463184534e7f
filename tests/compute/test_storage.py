"""Parts that travel through storage to workers elsewhere, and back: the same bytes, and none of them twice."""

import os
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.compute import storage_executor
from mgm.compute.executor import TaskFile
from mgm.compute.storage import Storage, StorageFailed
from mgm.compute.storage_executor import StorageExecutor
from mgm.compute.storage_worker import CallWithStorage
from mgm.corpus.parts import PartsWriter, Transformed, listed_hashes, map_parts, read_manifest
from mgm.errors import AlteredInput
from mgm.settings.compute import RaySettings

SCHEMA = {"doc_id": pl.String(), "n": pl.Int64()}
PARTS = 3


class CallsHere:
    """Calls of two workers elsewhere, made in this process, the last ones first."""

    def __init__(self, settings: RaySettings, *, build: Any, arguments: tuple[Any, ...]) -> None:
        self.workers = [build(*arguments) for _ in range(2)]
        self.sent: list[bytes] = []

    def __enter__(self) -> "CallsHere":
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers:
            worker.close()

    def send(self, function: Callable[..., Any]) -> bytes:
        self.sent.append(pickle.dumps(function))
        return self.sent[-1]

    def run(self, calls: Iterator[Any], *, num_calls: int) -> Iterator[tuple[int, Any]]:
        jobs = list(calls)
        assert len(jobs) == num_calls
        for i, arguments in reversed(jobs):
            self.sent.append(pickle.dumps(arguments))
            yield i, pickle.loads(pickle.dumps(self.workers[i % 2](*arguments)))


@dataclass(frozen=True)
class Double:
    """Doubles numbers, where the project is not."""

    project: int = 0
    """The inode of its folder."""

    def __call__(self, rows: pl.DataFrame) -> Transformed:
        assert os.stat(".").st_ino != self.project
        dropped = rows.filter(pl.col("n") < 0).select("doc_id", reasons=pl.lit(["few"]), values=pl.lit("{}"))
        return Transformed(rows.filter(pl.col("n") >= 0).with_columns(pl.col("n") * 2), dropped)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a table of four parts into a project, and let workers have folders beside it."""
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "node").mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "node"))
    monkeypatch.setattr(storage_executor, "RemoteCalls", CallsHere)
    with PartsWriter(Path("data/in/c"), SCHEMA) as writer:
        for n in range(PARTS):
            writer.write(pl.DataFrame({"doc_id": [f"a{n}", f"b{n}"], "n": [n + 1, -n - 1]}))
    return root


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are sent from here on."""
    real, names = Storage.put, []

    def put(self: Storage, path: Path, *, sha256: str) -> None:
        names.append(f"{'node' if 'mgm-worker-' in os.getcwd() else 'driver'} {path.name}")
        real(self, path, sha256=sha256)

    monkeypatch.setattr(Storage, "put", put)
    return names


def open_storage(storage: str = "../shared") -> StorageExecutor:
    settings = RaySettings(address="unused:1", storage=storage)
    return StorageExecutor(settings, Path.cwd(), listed=lambda: listed_hashes(Path("data")))


def run(source: str, target: str, executor: Any = None) -> None:
    options = {} if executor is None else {"executor": executor}
    transform = Double() if executor is None else Double(os.stat(".").st_ino)
    map_parts(
        Path("data", source, "c"),
        Path("data", target, "c"),
        rejects=Path("data/rejects", target, "c"),
        stage="s",
        schema=SCHEMA,
        transform=transform,
        **options,
    )


def files(target: str) -> list[bytes]:
    folders = [Path("data", target, "c"), Path("data/rejects", target, "c")]
    return [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())]


def sent(puts: list[str]) -> list[str]:
    """Return the names of the files that this machine has sent, in order."""
    return sorted(name.removeprefix("driver ") for name in puts if name.startswith("driver "))


def listed(*tables: str) -> set[str]:
    return set().union(*(listed_hashes(Path("data", table)) for table in tables))


def stored() -> set[str]:
    return {
        path.name for path in Path("../shared").rglob("*") if path.name != "project.txt" and path.is_file()
    }


def test_workers_elsewhere_make_the_same_bytes(puts: list[str], project: Path) -> None:
    """Two stages: the second reads the parts that the workers of the first have left in storage."""
    run("in", "alone")
    run("alone", "alone2")
    with open_storage() as executor:
        run("in", "out", executor)
        calls = executor._calls
        assert isinstance(calls, CallsHere) and str(project).encode() not in b"".join(calls.sent)
    assert sent(puts) == [*(f"part-0000{n}.parquet" for n in range(PARTS)), "work.txt"]
    assert stored() == listed("in", "out", "rejects/out")
    puts.clear()
    with open_storage() as executor:
        run("out", "out2", executor)
    assert sent(puts) == ["work.txt"]
    assert files("out") == files("alone") and files("out2") == files("alone2")
    assert not list(Path("../node").iterdir()) and not Path("data/.out.unfinished").exists()


def test_a_killed_driver_is_gone_on_with(puts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is here is not made again, and what is in storage is not sent again."""
    run("in", "alone")
    real = StorageExecutor._bring

    def bring(self: StorageExecutor, result: Any, written: Any) -> Any:
        if any(file.path.name == "00001.json" for file in written):
            raise KeyboardInterrupt
        return real(self, result, written)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), open_storage() as executor:
        patch.setattr(StorageExecutor, "_bring", bring)
        run("in", "out", executor)
    marks = sorted(path.stem for path in Path("data/.out.unfinished/c").glob("*.json"))
    assert marks == ["00000", "00002"]
    Path("data/.out.unfinished/c/rejected/part-00000.parquet").unlink()
    puts.clear()
    with open_storage() as executor:
        run("in", "out", executor)
    assert sent(puts) == []
    assert sorted(name for name in puts if name.endswith(".json")) == ["node 00000.json", "node 00001.json"]
    assert files("out") == files("alone")


@pytest.mark.parametrize(
    ("damage", "problem"),
    [(Path.unlink, "gone; expected"), (lambda path: path.write_bytes(b"no"), "altered since it was written")],
    ids=["gone", "altered"],
)
def test_a_part_that_is_not_the_listed_one_is_not_sent(damage: Callable[[Path], Any], problem: str) -> None:
    damage(Path("data/in/c/part-00002.parquet"))
    with (
        pytest.raises(AlteredInput, match=f"data/in/c/part-00002.parquet: {problem}"),
        open_storage() as executor,
    ):
        run("in", "out", executor)


def test_storage_that_forbids_to_delete_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def delete(self: Storage, names: object) -> None:
        raise StorageFailed(f"{self.address}: the object store denies access")

    monkeypatch.setattr(Storage, "delete", delete)
    with open_storage() as executor:
        run("in", "out", executor)
    assert (
        "files that no stage reads stay in storage: " in caplog.text
        and Path("data/out/c/_parts.json").is_file()
    )


def test_files_that_are_cut_or_old_are_sent_again(puts: list[str]) -> None:
    """A store deletes old ones by a rule, perhaps before a worker has read them."""
    with open_storage() as executor:
        run("in", "out", executor)
    (folder,) = Path("../shared").iterdir()
    cut, old = (folder / part.sha256 for part in read_manifest(Path("data/in/c")).parts[:2])
    cut.write_bytes(cut.read_bytes()[:9])
    os.utime(old, times=(time.time() - 6 * 86400,) * 2)
    puts.clear()
    with open_storage() as executor:
        run("in", "out", executor)
    assert sent(puts) == ["part-00000.parquet", "part-00001.parquet", "work.txt"]


def read_all(*paths: Path) -> list[str]:
    return [path.read_text() for path in paths]


@pytest.mark.parametrize(
    ("calls", "num_sent"),
    [
        ([["a"], ["b"]], 2),
        ([["a"]], 0),
        ([["a"], ["b"], ["/b"]], 2),
        ([["a"], ["b", "../b"]], 0),
        ([["a"] * 65] * 2, 0),
    ],
    ids=["two", "only one", "one outside", "one and one above", "many small files"],
)
def test_calls_that_are_made_here(
    calls: list[list[str]], num_sent: int, puts: list[str], tmp_path: Path
) -> None:
    for path in (Path("a"), Path("b"), Path("../b")):
        path.write_text(f"text of {path.name}")
    arguments = [
        tuple(Path(str(tmp_path / "b") if name == "/b" else name) for name in call) for call in calls
    ]
    with open_storage() as executor:
        results = executor.map(read_all, arguments, reads=lambda *paths: [TaskFile(path) for path in paths])
        with closing(results):
            assert list(results) == [[f"text of {path.name}" for path in call] for call in arguments]
    assert len(puts) == num_sent


def test_what_killed_runs_have_left_is_deleted() -> None:
    with open_storage() as executor:
        run("in", "out", executor)
    (folder,) = Path("../shared").iterdir()
    for name, days in {"a" * 64: 2, "b" * 64: 0, f"{'c' * 64}.01234567.tmp": 2, "notes": 9}.items():
        (folder / name).write_text("left")
        os.utime(folder / name, times=(time.time() - days * 86400,) * 2)
    (Path("../node") / "mgm-worker-killed").mkdir()
    with open_storage() as executor:
        run("in", "out", executor)
    assert stored() == listed("in", "out", "rejects/out") | {"b" * 64, "notes"}
    assert not list(Path("../node").iterdir())


def test_storage_that_is_wrong_is_named_before_anything_is_done() -> None:
    with (
        pytest.raises(StorageFailed, match="/nowhere: no such folder; expected one that all nodes share"),
        open_storage("../nowhere"),
    ):
        pass
    Path("../shared").rmdir()
    Path("../shared").write_text("no folder")
    with pytest.raises(StorageFailed, match=r"/shared: no such folder"), open_storage():
        pass


@pytest.mark.parametrize("address", ["gs://b/p", "s3:/b/p", "s3://", "http://h/p"])
def test_an_address_of_another_kind_is_wrong(address: str) -> None:
    with pytest.raises(ValueError, match=f"expected s3://bucket/prefix, or a folder.*{address}"):
        RaySettings(storage=address)


def test_a_node_that_sees_another_storage_is_named(tmp_path: Path) -> None:
    worker = CallWithStorage(str(tmp_path / "shared"), "the project", {})
    with pytest.raises(
        StorageFailed, match=rf"shared: node {os.uname().nodename} of the cluster does not see what"
    ):
        worker(pickle.dumps(read_all), [], ())
    worker.close()


def test_bytes_that_storage_has_altered_are_no_result(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "shared"))
    (tmp_path / "shared" / ("0" * 64)).write_text("other bytes")
    with pytest.raises(StorageFailed, match="0000: altered since it was written: SHA-256"):
        storage.get("0" * 64, tmp_path / "file")
    assert not (tmp_path / "file").exists()
    with pytest.raises(StorageFailed, match=f"{tmp_path}/shared: .*1111"):
        storage.get("1" * 64, tmp_path / "file")
