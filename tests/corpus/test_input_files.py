"""The files of an input: none is left out without a word."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgm.corpus.readers import input_files, read_batches


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"id": "1", "text": "a"}\n')
    return path


def test_files_behind_links_are_read(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.jsonl")
    put(tmp_path / "far" / "deep" / "b.jsonl")
    put(tmp_path / "one.jsonl")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "far")
    (tmp_path / "in" / "z.jsonl").symlink_to(tmp_path / "one.jsonl")
    names = [file.relative for file in input_files(tmp_path / "in")]
    assert names == ["a.jsonl", "folder/deep/b.jsonl", "z.jsonl"]


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "in" / "a.jsonl").parent
    loop, gone = folder / "loop", folder / "gone.jsonl"
    loop.symlink_to(tmp_path)
    with pytest.raises(ValueError, match="in/loop: a link to a folder that holds it"):
        input_files(folder)
    loop.unlink()
    gone.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"in/gone\.jsonl: a link to nothing; expected a file"):
        input_files(folder)
    gone.unlink()
    put(folder / "table" / "_delta_log" / "0.json")
    with pytest.raises(ValueError, match="in/table: a Delta table"):
        input_files(folder)


def test_parquet_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array(["b"]), pa.array(["c"])], names=["id", "text", "text"]
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: column 'text': 2 columns of this name, expected one"):
        list(read_batches(tmp_path / "a.parquet", {"id": pl.String(), "text": pl.String()}, rows=10))
