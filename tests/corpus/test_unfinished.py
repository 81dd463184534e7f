"""Tables that a killed run has begun: the next one goes on, if it is the same work."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from mgm.compute.executor import FolderNotShared
from mgm.corpus.parts import PartsWriter, Transformed, map_parts
from mgm.corpus.unfinished import Unfinished, unfinished_parts

SCHEMA = {"doc_id": pl.String(), "n": pl.Int64()}
UNFINISHED = Path(".tables.unfinished/out")


class Killed(BaseException):
    """The end of a process."""


@dataclass(frozen=True)
class Double:
    """Doubles numbers, notes which, and ends with the process at the number in the file `end`."""

    factor: int = 2
    names: tuple[set[str], ...] = ()

    def __call__(self, rows: pl.DataFrame) -> Transformed:
        n = rows["n"][0]
        if Path("end").is_file() and int(Path("end").read_text()) == n:
            raise Killed
        with Path("done").open("a") as file:
            file.write(f"{n} ")
        dropped = rows.filter(pl.col("n") < 0).select("doc_id", reasons=pl.lit(["few"]), values=pl.lit("{}"))
        return Transformed(rows.filter(pl.col("n") >= 0).with_columns(pl.col("n") * self.factor), dropped)


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a table of four parts of two rows."""
    monkeypatch.chdir(tmp_path)
    with PartsWriter(Path("tables/in"), SCHEMA) as writer:
        for n in range(1, 5):
            writer.write(pl.DataFrame({"doc_id": [f"a{n}", f"b{n}"], "n": [n, -n]}))
    return Path("tables/in")


def run(
    transform: Double = Double(), *, end: int | None = None, out: str = "out"
) -> tuple[object, list[int]]:
    """Make `out` of `in`; return its bytes and those of its rejects, its counts, and the parts that were worked on."""
    Path("done").write_text("")
    Path("end").unlink(missing_ok=True)
    if end is not None:
        Path("end").write_text(str(end))
    rejects = Path("tables", f"{out}-rejects")
    try:
        counts = map_parts(
            Path("tables/in"),
            Path("tables", out),
            rejects=rejects,
            stage="s",
            schema=SCHEMA,
            transform=transform,
        )[0]
    except Killed:
        return None, list(map(int, Path("done").read_text().split()))
    files = [
        path.read_bytes() for folder in (Path("tables", out), rejects) for path in sorted(folder.iterdir())
    ]
    return (files, counts), list(map(int, Path("done").read_text().split()))


def test_a_killed_run_is_gone_on_with() -> None:
    undisturbed, _ = run(out="other")
    assert run(end=3) == (None, [1, 2])
    assert not Path("tables/out/_parts.json").exists() and UNFINISHED.is_dir()
    assert run() == (undisturbed, [3, 4])
    assert not UNFINISHED.parent.exists()


def change_transform() -> Double:
    return replace(Double(), factor=3)


def change_input() -> Double:
    with PartsWriter(Path("tables/in"), SCHEMA) as writer:
        for n in range(1, 5):
            writer.write(pl.DataFrame({"doc_id": [f"c{n}"], "n": [n]}))
    return Double()


def change_code() -> Double:
    key = UNFINISHED / "work.txt"
    key.write_text(f"{key.read_text()[:-1]}-")
    return Double()


@pytest.mark.parametrize("change", [change_transform, change_input, change_code])
def test_finished_parts_of_other_work_are_made_again(change: type) -> None:
    run(end=3)
    assert run(change())[1] == [1, 2, 3, 4]


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (Path.unlink, "00000.json"),
        (halve, "00000.json"),
        (Path.unlink, "kept/part-00000.parquet"),
        (halve, "rejected/part-00000.parquet"),
    ],
    ids=["no mark", "half a mark", "no rows", "half of the rejects"],
)
def test_a_part_that_is_not_whole_is_made_again(damage: type, name: str) -> None:
    undisturbed, _ = run(out="other")
    run(end=3)
    damage(UNFINISHED / name)
    assert run() == (undisturbed, [1, 3, 4])


def test_the_order_of_a_set_is_no_other_work(tmp_path: Path) -> None:
    sets = [set(order) for order in (["a", "b", "c"], ["c", "b", "a"])]
    keys = []
    for names in sets:
        with unfinished_parts(tmp_path / "w", Double(names=(names,))) as unfinished:
            keys.append(unfinished.key)
    assert keys[0] == keys[1]


@pytest.mark.parametrize("there", [None, "other work"], ids=["no folder", "another folder"])
def test_a_folder_that_is_not_the_one_that_was_begun(there: str | None, tmp_path: Path) -> None:
    """As a worker sees it whose node has a folder of its own at the path."""
    unfinished = Unfinished(tmp_path / "parts", "this work")
    if there is not None:
        unfinished.folder.mkdir()
        (unfinished.folder / "work.txt").write_text(there)
    with pytest.raises(FolderNotShared, match=f"parts: node {os.uname().nodename} .*does not see it"):
        unfinished.result(0, dict)
