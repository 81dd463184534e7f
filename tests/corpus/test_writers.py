"""Tables are written as the readers read them, whole or not at all."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm.corpus.readers import read_batches
from mgm.corpus.writers import nested_as_json, output_suffix, writing_table

SPANS = pl.List(pl.Struct({"start": pl.Int64, "label": pl.String}))
FRAME = pl.DataFrame(
    {
        "doc_id": ["a", "b", "c"],
        "text": ['said, "好"\nend', None, "é"],
        "score": [0.5, None, 1e-4],
        "labels": [["x", 'y"'], [], None],
        "spans": [[{"start": 1, "label": "k"}], None, []],
    },
    schema_overrides={"spans": SPANS},
)


@pytest.mark.parametrize(
    "name", ["t.parquet", "t.jsonl", "t.ndjson.gz", "t.csv", "t.tsv", "t.csv.zst", "t.tsv.gz", "t.jsonl.zst"]
)
def test_written_rows_are_read_again(tmp_path: Path, name: str) -> None:
    with writing_table(tmp_path / "new" / name) as write:
        write(FRAME[:2])
        write(FRAME[2:])
    read = pl.concat(list(read_batches(tmp_path / "new" / name, FRAME.schema, rows=100)))
    assert_frame_equal(read, FRAME)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_nested_values_are_json() -> None:
    as_json = nested_as_json(FRAME)
    assert as_json["labels"].to_list() == ['["x","y\\""]', "[]", None]
    assert as_json["spans"].to_list() == ['[{"start":1,"label":"k"}]', None, "[]"]
    probabilities = pl.DataFrame({"p": [{"a}": 0.25, "b": None}, None]})
    assert nested_as_json(probabilities)["p"].to_list() == ['{"a}":0.25,"b":null}', None]


def test_after_an_error_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), writing_table(path) as write:
        write(FRAME)
        raise ValueError("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["t", "t.xls", "t.parquet.gz", "t.gz", ".csv"])
def test_unknown_formats(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown format of an output; expected one of \.parquet, \.jsonl"):
        output_suffix(Path(name))


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with (
        pytest.raises(IsADirectoryError, match="a folder; expected a file"),
        writing_table(tmp_path / "t.csv"),
    ):
        pass
