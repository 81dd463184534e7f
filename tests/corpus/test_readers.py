"""Readers: every format gives the same rows; every fault is named with its file, row and column."""

import gzip
import itertools
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.corpus.readers import column_names, delimited, input_files, jsonl, read_batches
from mgm.corpus.readers.rebatch import rebatch, row_bytes
from mgm.tasks import TASK_KINDS

TEXT = {"id": pl.String(), "text": pl.String()}
ALL = TEXT | {
    "spans": TASK_KINDS["tagging"].column_type,
    "tags": TASK_KINDS["multilabel"].column_type,
    "score": pl.Float32(),
}
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
    batches = list(read_batches(path, ALL, rows=rows))
    assert pl.concat(batches).to_dicts() == ROWS
    assert all(b.height == rows for b in batches[:-1])
    assert column_names(path) == list(ALL)


def test_a_folder_is_read_in_the_order_of_names_and_batches_span_files(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"id": "3", "text": "c"}\n')
    (tmp_path / "a.csv").write_text("id,text,more\n1,a,x\n2,b,y\n")
    (tmp_path / ".hidden").write_text("no")
    assert [b["id"].to_list() for b in read_batches(tmp_path, TEXT, rows=2)] == [["1", "2"], ["3"]]
    assert column_names(tmp_path) == ["id", "text"]
    (tmp_path / "notes.doc").write_text("no")
    with pytest.raises(ValueError, match=r"notes\.doc: unknown format; expected one of \.parquet, \.jsonl"):
        input_files(tmp_path)


def test_whole_numbers_become_strings_but_not_in_the_text(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text('{"id": 7, "text": "a"}\n{"id": 8, "text": "b"}\n')
    assert pl.concat(read_batches(path, TEXT, rows=9))["id"].to_list() == ["7", "8"]
    pl.DataFrame({"id": ["a"], "text": [3]}).write_parquet(tmp_path / "n.parquet")
    with pytest.raises(ValueError, match=r"n\.parquet: column 'text': type Int64, expected String"):
        list(read_batches(tmp_path / "n.parquet", TEXT, rows=9))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b'{"id":"1","text":"a"}\n{"id":"2","text":7}\n', "a.jsonl: row 2, column 'text': value 7, expected String"),
        ("b.jsonl", b'{"id":"1","text":"a"}\n{"id":"2","text":"\xff"}\n', "b.jsonl: row 2, column 'text': invalid UTF-8"),
        ("c.jsonl", b'{"id":"1","text":"a"}\n{"id":"2","te\n', "c.jsonl: row 2: not valid JSON"),
        ("d.jsonl", b'{"id":"1","txt":"a"}\n', "d.jsonl: no column 'text' (did you mean 'txt'?)"),
        ("e.jsonl", b'{"id":"1","text":"a"}\n\n{"id":"2","text":"b"}\n', "e.jsonl: row 2: a blank line"),
        ("f.jsonl", b"[1]\n", "f.jsonl: row 1: expected a JSON object, found int"),
        ("g.csv", b"id,text\n1,a\n2,\xff\n", "g.csv: row 2, column 'text': invalid UTF-8 (byte 0xff: invalid start byte)"),
        ("h.csv", b"id,text\n1,a\n2\n", "h.csv: row 2: value '2': 1 columns, expected 2 as in the header"),
        ("i.csv", b"id,body\n1,a\n", "i.csv: no column 'text' (valid: body, id)"),
        ("j.parquet", b"PAR1 and then nothing", "j.parquet: not a readable Parquet file"),
        ("l.jsonl", b'{"id":"1","text":"a"} {"id":"2","text":"b"}\n', "l.jsonl: row 1: not valid JSON"),
        ("m.jsonl", b'{"id":"1","text":"a"}\n  \n', None),
        ("n.jsonl", b'\n{"id":"1","text":"a"}\n', "n.jsonl: row 1: a blank line"),
        ("o.txt", "诗".encode()[:2], "o.txt: no column 'id' (valid: doc_id, folder, text)"),
        ("k.jsonl.gz", gzip.compress(b'{"id":"1","text":"a"}\n' * 99, mtime=0)[:50], "k.jsonl.gz: damaged"),
    ],
)  # fmt: skip
def test_a_fault_is_named(tmp_path: Path, name: str, data: bytes, message: str | None) -> None:
    (tmp_path / name).write_bytes(data)
    if message is None:  # blank lines at the end are none
        assert sum(b.height for b in read_batches(tmp_path / name, TEXT, rows=10)) == 1
        return
    with pytest.raises(ValueError) as error:
        list(read_batches(tmp_path / name, TEXT, rows=10))
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
        list(read_batches(path, wanted, rows=10))
    assert message in str(error.value)


def test_invalid_utf8_inside_parquet_is_named(tmp_path: Path) -> None:
    text = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": ["a", "b"], "text": text}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"x\.parquet: column 'text', row 2: invalid UTF-8"):
        list(read_batches(tmp_path / "x.parquet", TEXT, rows=10))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        input_files(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="holds no files"):
        input_files(tmp_path)


def test_fields_of_a_span_may_stand_in_any_order_with_others_between(tmp_path: Path) -> None:
    spans = [[{"label": "x", "note": "?", "end": 2, "start": 1}], [], None]
    path = tmp_path / "spans.parquet"
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": ["abc", "d", "e"], "spans": spans}), path)
    wanted = TEXT | {"spans": TASK_KINDS["tagging"].column_type}
    found = pl.concat(read_batches(path, wanted, rows=10))["spans"].to_list()
    assert found == [[{"start": 1, "end": 2, "label": "x"}], [], None]


def test_a_fault_in_a_csv_of_more_columns_is_named_by_its_own(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_bytes(b"more,id,text\nx,1,a\nx,2,\xff\n")
    with pytest.raises(ValueError, match=r"more\.csv: row 2, column 'text': invalid UTF-8"):
        list(read_batches(tmp_path / "more.csv", TEXT, rows=10))


def test_texts_are_documents_in_the_order_of_their_paths(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    files = {
        "sport/2024/b.txt": b"Won 3:1.\r\n",
        "sport/2024/a.txt.gz": gzip.compress("赢了。\n\n输了。".encode()),
        "art/c.d.txt.zst": pa.compress(b"\xef\xbb\xbfA picture", codec="zstd", asbytes=True),
        "top.txt": b"",
        "TWO.TXT": "诗".encode("utf-16"),
        "_notes.txt": b"no",
        ".git/x.txt": b"no",
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    columns = {"folder": pl.String(), "doc_id": pl.String(), "text": pl.String()}
    assert column_names(folder) == ["doc_id", "text", "folder"]
    for rows in (1, 3, 100):
        assert pl.concat(read_batches(folder, columns, rows=rows)).rows() == [
            (None, "TWO", "诗"),
            ("art", "art/c.d", "A picture"),
            ("sport", "sport/2024/a", "赢了。\n\n输了。"),
            ("sport", "sport/2024/b", "Won 3:1.\r\n"),
            (None, "top", ""),
        ]
    assert pl.concat(read_batches(folder / "top.txt", columns, rows=9)).rows() == [(None, "top", "")]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"ok", "b/c.txt": "诗\n歌".encode()[:6]}, "b/c.txt: byte 4: invalid UTF-8 (byte 0xe6: unexpected end of data)"),
        ({"a.txt": "诗人写诗，打开文件。".encode("gb18030")}, "a.txt: byte 2: invalid UTF-8 (byte 0xc8: invalid continuation byte); the file looks like gb18030"),
        ({"a.txt.gz": gzip.compress(b"x" * 999, mtime=0)[:20]}, "a.txt.gz: damaged"),
        ({"a.txt": b"x", "b/c.jsonl": b""}, "a.txt is plain text and"),
        ({"a.txt": b"x", "b.csv.gz": b""}, "b.csv.gz is not; expected a folder of texts, one document each, or of tables"),
        ({"a.txt": b"x", "b.parquet.gz": b""}, "b.parquet.gz: unknown format"),
        ({"a.gz": b"x"}, "a.gz: unknown format"),
        ({"txt": b"x"}, "txt: unknown format"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_texts_is_named(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError) as error:
        list(read_batches(tmp_path, {"doc_id": pl.String(), "text": pl.String()}, rows=10))
    assert message in str(error.value)


def test_a_batch_ends_at_its_rows_or_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sizes.jsonl"
    sizes = [10, 10, 10, 400_000, 700_000, 10, 3_000_000, 10, 10]
    rows = [{"id": str(i), "text": "x" * n} for i, n in enumerate(sizes)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [b["id"].to_list() for b in read_batches(path, TEXT, rows=3, megabytes=1)]
    assert found == [["0", "1", "2"], ["3", "4"], ["5", "6"], ["7", "8"]]


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "txt"])
def test_where_batches_end_follows_from_the_rows_alone(tmp_path: Path, kind: str) -> None:
    """Not from row groups, blocks or files: the same rows in other files end in the same parts."""
    ids = [f"{i:03}" for i in range(300)]
    frame = pl.DataFrame({"doc_id": ids, "text": [f"打开 {i}" * (1 + i * i % 977) for i in range(300)]})
    columns = {"doc_id": pl.String(), "text": pl.String()}
    expected = [f["doc_id"].to_list() for f in rebatch([frame], 90, megabytes=0.2)]
    assert len(expected) > 5
    (tmp_path / "in").mkdir()
    for number, part in enumerate([frame[:7], frame[7:210], frame[210:]]):
        path = tmp_path / "in" / f"{number}.{kind}"
        if kind == "parquet":
            part.write_parquet(path, row_group_size=13)
        elif kind == "csv":
            part.write_csv(path)
        elif kind == "jsonl":
            part.write_ndjson(path)
        else:
            for doc_id, text in part.iter_rows():
                (tmp_path / "in" / f"{doc_id}.txt").write_text(text, encoding="utf-8")
    batches = list(read_batches(tmp_path / "in", columns, rows=90, megabytes=0.2))
    assert pl.concat(batches).equals(frame)
    assert [b["doc_id"].to_list() for b in batches] == expected


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(0, 30), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    rows=st.integers(1, 10),
    limit=st.integers(1, 60),
)
def test_assembled_parts_are_full_and_whole(sizes: list[int], cuts: list[int], rows: int, limit: int) -> None:
    frame = pl.DataFrame({"text": ["x" * n for n in sizes]}, schema={"text": pl.String})
    edges = sorted({0, len(sizes), *(min(c, len(sizes)) for c in cuts)})
    frames = [frame[a:b] for a, b in itertools.pairwise(edges)]
    parts = list(rebatch(frames, rows, megabytes=limit / 1e6))
    assert [t for p in parts for t in p["text"]] == frame["text"].to_list()
    for part in parts:
        held = row_bytes(part).to_list()
        assert 0 < part.height <= rows
        assert sum(held[:-1]) < limit
        assert part is parts[-1] or part.height == rows or sum(held) >= limit


def test_the_bytes_of_a_row() -> None:
    rows = pl.DataFrame(
        {"text": ["诗", None], "tags": [["a", "b"], None], "score": [1.0, None]},
        schema_overrides={"tags": pl.List(pl.String)},
    )
    assert row_bytes(rows).to_list() == [3 + 2 * 16, 0]
    assert row_bytes(rows.select("score")).to_list() == [0, 0]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv.gz", "parquet"])
def test_rows_longer_than_a_block_keep_their_place_and_number(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"long.{kind}"
    texts = ["short"] * 50 + ["x " * 3_000_000] + ["end"] * 50 + ["y" * 25_000_000] + ["z"]
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    if kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "csv":
        frame.write_csv(path)
    else:
        path.write_bytes(gzip.compress(frame.write_csv(separator="\t").encode(), 1))
    assert pl.concat(read_batches(path, TEXT, rows=20)).equals(frame)
    if kind in ("jsonl", "csv"):
        with path.open("a") as file:
            file.write('{"id": [1], "text": "a"}\n' if kind == "jsonl" else "1,a,b\n")
        message = (
            r"row 104, column 'id': value \[1\], expected String"
            if kind == "jsonl"
            else "row 104: value '1,a,b': 3 columns, expected 2"
        )
        with pytest.raises(ValueError, match=message):
            list(read_batches(path, TEXT, rows=20))


def test_an_endless_row_is_an_error_and_not_the_end_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_ROW_BYTES", 6 << 20)
    (tmp_path / "a.jsonl").write_bytes(
        b'{"id":"1","text":"a"}\n{"text":"' + b"x" * (9 << 20) + b'","id":"2"}\n'
    )
    with pytest.raises(
        ValueError, match=r"a\.jsonl: row 2: longer than 6 MiB; expected one JSON object a line"
    ):
        list(read_batches(tmp_path / "a.jsonl", TEXT, rows=10))
    monkeypatch.setattr(delimited, "_MAX_RECORD_BYTES", 2 << 20)
    (tmp_path / "b.csv").write_bytes(b'id,text\n1,a\n2,"' + b"x\n" * (5 << 20))
    with pytest.raises(ValueError, match=r"b\.csv: row 2 or one soon after it: longer than 2 MiB"):
        list(read_batches(tmp_path / "b.csv", TEXT, rows=10))


def test_a_string_column_may_hold_numbers_in_some_rows(tmp_path: Path) -> None:
    values = (
        [1, 2, "a3", "4", None, True, 5, "六"] * 3 + list(range(90_000)) + [f"n{i}" for i in range(90_000)]
    )
    path = tmp_path / "ids.jsonl"
    path.write_text("".join(json.dumps({"id": v, "text": "x" * 50}) + "\n" for v in values))
    found = pl.concat(read_batches(path, TEXT, rows=50_000))["id"].to_list()
    assert found == [None if v is None else str(v).replace("True", "true") for v in values]
    with path.open("a") as file:
        file.write('{"id": 1.5, "text": "a"}\n{"id": [1], "text": "a"}\n')
    with pytest.raises(ValueError, match=r"row 180026, column 'id': value \[1\], expected String"):
        list(read_batches(path, TEXT, rows=50_000))
