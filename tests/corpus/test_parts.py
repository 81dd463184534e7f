"""Tables between stages: whole or absent, the same bytes for the same rows, nothing lost."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.corpus.parts import PartsWriter, map_parts, read_manifest, read_parts, read_table

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


@settings(max_examples=20, deadline=None)
@given(numbers=st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=4))
def test_rows_in_are_rows_out_plus_rejected(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("map")
    with PartsWriter(folder / "in", SCHEMA) as writer:
        for part, values in enumerate(numbers):
            writer.write(frame(*[(f"{part}-{i}", n) for i, n in enumerate(values)]))

    def keep_even(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        odd = pl.col("n") % 2 == 1
        rejected = rows.filter(odd).select(
            "doc_id", reasons=pl.lit(["odd"], pl.List(pl.String)), values=pl.lit("{}")
        )
        return rows.filter(~odd), rejected

    counts = map_parts(folder / "in", folder / "out", folder / "rejects", "evens", SCHEMA, keep_even)
    kept, rejected = read_table(folder / "out"), read_table(folder / "rejects")
    every = [n for values in numbers for n in values]
    assert (counts.rows_in, counts.rows_out, counts.rejected) == (len(every), kept.height, rejected.height)
    assert kept["n"].to_list() == [n for n in every if n % 2 == 0]
    assert counts.reasons == ({"odd": rejected.height} if rejected.height else {})
    assert rejected["stage"].to_list() == ["evens"] * rejected.height
    assert len(read_manifest(folder / "out").parts) == len(numbers)


def test_a_transform_that_loses_a_row_is_a_bug_at_once(tmp_path: Path) -> None:
    with PartsWriter(tmp_path / "in", SCHEMA) as writer:
        writer.write(frame(("a", 1), ("b", 2)))
    nothing = pl.DataFrame(schema={"doc_id": pl.String, "reasons": pl.List(pl.String), "values": pl.String})
    with pytest.raises(AssertionError, match="2 rows in, but 1 out and 0 rejected"):
        map_parts(
            tmp_path / "in", tmp_path / "out", tmp_path / "no", "s", SCHEMA, lambda f: (f.head(1), nothing)
        )
