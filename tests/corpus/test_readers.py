"""Readers: every format gives the same rows; every fault is named with its file, row and column."""

import gzip
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgm.corpus.readers import column_names, input_files, read_batches
from mgm.tasks import COLUMN_TYPES

TEXT = {"id": pl.String(), "text": pl.String()}
ALL = TEXT | {"spans": COLUMN_TYPES["tagging"], "tags": COLUMN_TYPES["multilabel"], "score": pl.Float32()}
ROWS = [
    {"id": "1", "text": "Open File > Save", "spans": [{"start": 5, "end": 9, "label": "menu"}], "tags": ["a", "b"], "score": 2.0},
    {"id": "2", "text": "打开“文件”\n菜单", "spans": None, "tags": [], "score": None},
    {"id": "3", "text": 'a, "quoted"\tline', "spans": [], "tags": None, "score": -0.5},
]  # fmt: skip


def write(folder: Path, kind: str) -> Path:
    path = folder / f"rows.{kind}"
    if kind == "parquet":
        pl.DataFrame(ROWS, schema=ALL).write_parquet(path)
        return path
    if kind.startswith("jsonl"):
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    else:
        cells = pl.DataFrame(ROWS, schema=ALL).with_columns(
            pl.Series(name, [None if r[name] is None else json.dumps(r[name]) for r in ROWS])
            for name in ("spans", "tags")
        )
        data = cells.write_csv(separator="\t" if "tsv" in kind else ",").encode()
    if kind.endswith(".gz"):
        data = gzip.compress(data)
    elif kind.endswith(".zst"):
        data = pa.compress(data, codec="zstd", asbytes=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "tsv"])
@pytest.mark.parametrize("rows", [1, 2, 100])
def test_every_format_gives_the_same_rows(tmp_path: Path, kind: str, rows: int) -> None:
    path = write(tmp_path, kind)
    batches = list(read_batches(path, ALL, rows))
    assert pl.concat(batches).to_dicts() == ROWS
    assert all(b.height == rows for b in batches[:-1])
    assert column_names(path) == list(ALL)


def test_a_folder_is_read_in_the_order_of_names_and_batches_span_files(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"id": "3", "text": "c"}\n')
    (tmp_path / "a.csv").write_text("id,text,more\n1,a,x\n2,b,y\n")
    (tmp_path / ".hidden").write_text("no")
    assert [b["id"].to_list() for b in read_batches(tmp_path, TEXT, 2)] == [["1", "2"], ["3"]]
    assert column_names(tmp_path) == ["id", "text"]
    (tmp_path / "notes.doc").write_text("no")
    with pytest.raises(ValueError, match=r"notes\.doc: unknown format; expected one of \.parquet, \.jsonl"):
        input_files(tmp_path)


def test_whole_numbers_become_strings_but_not_in_the_text(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text('{"id": 7, "text": "a"}\n{"id": 8, "text": "b"}\n')
    assert pl.concat(read_batches(path, TEXT, 9))["id"].to_list() == ["7", "8"]
    pl.DataFrame({"id": ["a"], "text": [3]}).write_parquet(tmp_path / "n.parquet")
    with pytest.raises(ValueError, match=r"n\.parquet: column 'text': type Int64, expected String"):
        list(read_batches(tmp_path / "n.parquet", TEXT, 9))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b'{"id":"1","text":"a"}\n{"id":"2","text":7}\n', "a.jsonl: row 2, column 'text': value 7, expected String"),
        ("b.jsonl", b'{"id":"1","text":"a"}\n{"id":"2","text":"\xff"}\n', "b.jsonl: row 2, column 'text': invalid UTF-8"),
        ("c.jsonl", b'{"id":"1","text":"a"}\n{"id":"2","te\n', "c.jsonl: row 2: not valid JSON"),
        ("d.jsonl", b'{"id":"1","txt":"a"}\n', "d.jsonl: no column 'text' (did you mean 'txt'?)"),
        ("e.jsonl", b'{"id":"1","text":"a"}\n\n{"id":"2","text":"b"}\n', "e.jsonl: row 2: a blank line"),
        ("f.jsonl", b"[1]\n", "f.jsonl: row 1: expected a JSON object, found list"),
        ("g.csv", b"id,text\n1,a\n2,\xff\n", "g.csv: In column 'text': row 2: CSV conversion error"),
        ("h.csv", b"id,text\n1,a\n2\n", "h.csv: CSV parse error: row 2: Expected 2 columns, got 1"),
        ("i.csv", b"id,body\n1,a\n", "i.csv: no column 'text' (valid: body, id)"),
        ("j.parquet", b"PAR1 and then nothing", "j.parquet: not a readable Parquet file"),
        ("k.jsonl.gz", gzip.compress(b'{"id":"1","text":"a"}\n' * 99)[:50], "k.jsonl.gz: damaged"),
    ],
)  # fmt: skip
def test_a_fault_is_named(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError) as error:
        list(read_batches(tmp_path / name, TEXT, 10))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"id": "1", "text": "a", "score": "high"}',
            "row 1, column 'score': value 'high', expected Float32",
        ),
        ('{"id": "1", "text": "a", "tags": "x"}', "row 1, column 'tags': value 'x'"),
        (
            '{"id": "1", "text": "a", "spans": [{"start": "0"}]}',
            "row 1, column 'spans': value [{'start': '0'}]",
        ),
    ],
)
def test_a_label_of_the_wrong_type_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(line + "\n")
    wanted = {name: ALL[name] for name in json.loads(line)}
    with pytest.raises(ValueError) as error:
        list(read_batches(path, wanted, 10))
    assert message in str(error.value)


def test_invalid_utf8_inside_parquet_is_named(tmp_path: Path) -> None:
    text = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": ["a", "b"], "text": text}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet: column 'text', row 2: invalid UTF-8"):
        list(read_batches(tmp_path / "x.parquet", TEXT, 10))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        input_files(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="holds no files"):
        input_files(tmp_path)


def test_fields_of_a_span_may_stand_in_any_order_with_others_between(tmp_path: Path) -> None:
    spans = [[{"label": "x", "note": "?", "end": 2, "start": 1}], [], None]
    path = tmp_path / "spans.parquet"
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": ["abc", "d", "e"], "spans": spans}), path)
    wanted = TEXT | {"spans": COLUMN_TYPES["tagging"]}
    found = pl.concat(read_batches(path, wanted, 10))["spans"].to_list()
    assert found == [[{"start": 1, "end": 2, "label": "x"}], [], None]


def test_a_fault_in_a_csv_of_more_columns_is_named_by_its_own(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_bytes(b"more,id,text\nx,1,a\nx,2,\xff\n")
    with pytest.raises(ValueError, match=r"more\.csv: In column 'text': row 2"):
        list(read_batches(tmp_path / "more.csv", TEXT, 10))
