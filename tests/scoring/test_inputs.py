"""Documents of a night, checked as a whole."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from mgm.scoring.inputs import Inputs


def write(folder: Path, **files: dict[str, list[object]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, columns in files.items():
        pl.DataFrame(columns).write_ndjson(folder / f"{name}.jsonl")
    return folder


def batches(inputs: Inputs, rows: int) -> list[pl.DataFrame]:
    return list(inputs.read(inputs.source, rows))


def test_batches_do_not_depend_on_files(tmp_path: Path) -> None:
    rows = [{"doc_id": f"d{i}", "text": f"text {i}", "more": [i]} for i in range(7)]
    pl.DataFrame(rows).write_parquet(tmp_path / "one.parquet")
    (tmp_path / "two").mkdir()
    pl.DataFrame(rows[:3]).write_parquet(tmp_path / "two" / "a.parquet")
    pl.DataFrame(rows[3:]).select("text", "doc_id").write_csv(tmp_path / "two" / "b.csv")
    one = batches(Inputs(tmp_path / "one.parquet"), 2)
    two = batches(Inputs(tmp_path / "two"), 2)
    assert [f.height for f in one] == [2, 2, 2, 1]
    assert all(a.equals(b) for a, b in zip(one, two, strict=True))
    assert Inputs(tmp_path / "two").check(2) == 7


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"doc_id": ["c", "a"], "text": ["x", "y"]}, r"b\.jsonl, row 2, column 'doc_id': 'a' stands already in .*a\.jsonl, row 1"),
        ({"doc_id": ["c", None], "text": ["x", "y"]}, r"b\.jsonl: row 2, column 'doc_id': no value"),
        ({"doc_id": ["c"], "txt": ["x"]}, r"b\.jsonl: no column 'text' \(did you mean 'txt'\?\)"),
        ({"doc_id": ["c"], "text": [5]}, r"b\.jsonl.*'text'"),
    ],
    ids=["repeated id", "missing id", "missing column", "another type"],
)  # fmt: skip
def test_faults_are_named_with_their_place(
    tmp_path: Path, second: dict[str, list[object]], message: str
) -> None:
    folder = write(tmp_path / "in", a={"doc_id": ["a", "b"], "text": ["x", "y"]}, b=second)
    with pytest.raises(ValueError, match=message):
        Inputs(folder).check(1)


def test_other_column_names(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", a={"id": [1, 2], "body": ["x", "y"]})
    inputs = Inputs(folder, doc_id="id", text="body")
    assert inputs.check(10) == 2
    assert batches(inputs, 10)[0].to_dict(as_series=False) == {"doc_id": ["1", "2"], "text": ["x", "y"]}


def test_folder_of_texts(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(f"text {name}")
    inputs = Inputs(tmp_path)
    assert inputs.check(1) == 2
    assert pl.concat(batches(inputs, 1)).rows() == [("a", "text a"), ("b", "text b")]
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"text a"))
    with pytest.raises(ValueError, match=r"row 2, column 'doc_id': 'a' stands already in .*, row 1"):
        inputs.check(1)
