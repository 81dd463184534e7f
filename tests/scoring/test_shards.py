"""A night's documents are cut into shards, and read again."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mgm.scoring import shards
from mgm.scoring.inputs import Inputs
from mgm.scoring.shards import MANIFEST, cut_shards, read_shards, write_manifest


def frame(rows: int, start: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "doc_id": [f"d{i}" for i in range(start, start + rows)],
            "text": [f"文本 {i}" for i in range(start, start + rows)],
        },
        schema={"doc_id": pl.String, "text": pl.String},
    )


def folder(place: Path, heights: list[int]) -> tuple[Inputs, pl.DataFrame]:
    """Write files of these heights, in several formats, and return them with all of their rows."""
    place.mkdir()
    parts, start = [], 0
    for index, height in enumerate(heights):
        part = frame(height, start)
        if index % 3 == 0:
            part.write_parquet(place / f"{index}.parquet")
        elif index % 3 == 1:
            part.write_csv(place / f"{index}.csv")
        else:
            (place / f"{index}.jsonl.gz").write_bytes(gzip.compress(part.write_ndjson().encode()))
        parts.append(part)
        start += height
    return Inputs(str(place)), pl.concat(parts)


HEIGHTS = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@settings(max_examples=50)
@given(HEIGHTS, st.integers(1, 12), st.integers(0, 2**20))
def test_any_choice_of_shards_gives_their_rows(
    tmp_path_factory: pytest.TempPathFactory, heights: list[int], rows: int, choice: int
) -> None:
    inputs, everything = folder(tmp_path_factory.mktemp("in") / "night", heights)
    found = cut_shards(inputs, rows)
    assert found.rows == everything.height == sum(s.rows for s in found.shards)
    assert all(s.rows == rows for s in found.shards[:-1])
    assert all(sum(r.rows for r in s.ranges) == s.rows for s in found.shards)
    wanted = [s for s in found.shards if choice >> s.index & 1]
    read_again = list(read_shards(inputs, wanted))
    assert [s.index for s, _ in read_again] == [s.index for s in wanted]
    for shard, part in read_again:
        assert_frame_equal(part, everything.slice(shard.index * rows, rows))


def test_hash_does_not_depend_on_files_and_shards(tmp_path: Path) -> None:
    one, everything = folder(tmp_path / "one", [20])
    many, _ = folder(tmp_path / "many", [7, 8, 5])
    assert cut_shards(one, 6).sha256 == cut_shards(many, 6).sha256 == cut_shards(many, 50).sha256
    assert [s.sha256 for s in cut_shards(one, 6).shards] == [s.sha256 for s in cut_shards(many, 6).shards]
    everything.reverse().write_parquet(tmp_path / "reversed.parquet")
    assert cut_shards(Inputs(tmp_path / "reversed.parquet"), 6).sha256 != cut_shards(one, 6).sha256


@pytest.mark.parametrize(
    "text",
    [["ab", "c"], ["a", "bc"], [None, "abc"], ["", "abc"], ["abc", None]],
    ids=["late cut", "early cut", "null first", "empty first", "null last"],
)
def test_different_rows_have_another_hash(text: list[str | None]) -> None:
    contents = {
        shards._frame_sha256(
            pl.DataFrame({"doc_id": ["1", "2"], "text": t}, schema_overrides={"text": pl.String})
        )
        for t in (text, ["abc", ""], ["a", "b"])
    }
    assert len(contents) == 3


@given(
    st.lists(st.tuples(st.text(max_size=3), st.none() | st.text(max_size=20)), max_size=12), st.integers(1, 5)
)
def test_hash_does_not_depend_on_frames(rows: list[tuple[str, str | None]], size: int) -> None:
    whole = pl.DataFrame(rows, schema={"doc_id": pl.String, "text": pl.String}, orient="row")
    digest = shards._Digest()
    for part in whole.iter_slices(size):
        digest.update(part)
    assert digest.hexdigest() == shards._frame_sha256(whole)


def test_file_without_a_wanted_row_is_not_opened(tmp_path: Path) -> None:
    inputs, _ = folder(tmp_path / "night", [6, 6, 6])
    found = cut_shards(inputs, 6)
    (tmp_path / "night" / "0.parquet").write_bytes(b"not read")
    assert [s.index for s, _ in read_shards(inputs, found.shards[1:])] == [1, 2]


@pytest.mark.parametrize("rows", [5, 7], ids=["fewer rows", "more rows"])
def test_documents_that_change_are_named(tmp_path: Path, rows: int) -> None:
    inputs, _ = folder(tmp_path / "night", [6, 6])
    found = cut_shards(inputs, 4)
    frame(rows, 40).write_csv(tmp_path / "night" / "1.csv")
    with pytest.raises(ValueError, match="1.csv rows 1 to 2: changed since the rows were counted"):
        list(read_shards(inputs, found.shards))
    (tmp_path / "night" / "1.csv").unlink()
    with pytest.raises(ValueError, match="1.csv: gone since"):
        list(read_shards(inputs, found.shards))


def test_manifest_is_written_once(tmp_path: Path) -> None:
    inputs, _ = folder(tmp_path / "night", [6])
    write_manifest(tmp_path, cut_shards(inputs, 4))
    stamp = (tmp_path / MANIFEST).stat().st_mtime_ns
    write_manifest(tmp_path, cut_shards(inputs, 4))
    assert (tmp_path / MANIFEST).stat().st_mtime_ns == stamp
    recorded = json.loads((tmp_path / MANIFEST).read_text())
    assert recorded["rows"] == 6
    assert recorded["shards"][1]["ranges"] == [{"file": "0.parquet", "first": 4, "rows": 2}]
