"""JSONL as people have it: marks, arrays, late keys, odd names and values of many kinds."""

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.corpus.readers import column_names, read_batches
from mgm.corpus.readers.json_values import number_text
from mgm.tasks import TASK_KINDS

COLUMNS = {"doc_id": pl.String(), "text": pl.String(), "label": pl.String()}
SPANS = TASK_KINDS["tagging"].column_type
ROWS = [("a", "one {\n[", "x"), ("b", "二", None)]
OBJECTS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
LINES = "".join(json.dumps(row) + "\n" for row in OBJECTS)


def put(folder: Path, data: str | bytes, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path: Path, columns: dict[str, pl.DataType] = COLUMNS) -> list[tuple[Any, ...]]:
    return pl.concat(read_batches(path, columns, rows=10_000)).rows()


def error(path: Path, columns: dict[str, pl.DataType] = COLUMNS) -> str:
    """Return the one line that a file is refused with, without its folder."""
    with pytest.raises(ValueError) as caught:
        read(path, columns)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path.parent}/")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
        ("a.jsonl", LINES.encode("utf-16")),
        ("a.JSONL", LINES.replace("\n", "\r\n").encode()),
        ("a.json", LINES.encode()),
        ("a.json", json.dumps(OBJECTS).encode()),
        ("a.json", json.dumps(OBJECTS, indent=2, ensure_ascii=False).encode()),
        ("a.jsonl", "".join(json.dumps(row, indent=1) + "\n" for row in OBJECTS).encode()),
        ("a.json", b"\xef\xbb\xbf\r\n [" + LINES.strip().replace("\n", "\n,\n").encode() + b"]\n\n"),
    ],
    ids=["mark", "utf-16", "upper case", "json", "array", "pretty array", "pretty objects", "lines in an array"],
)  # fmt: skip
def test_every_way_of_writing_gives_the_same_rows(tmp_path: Path, name: str, data: bytes) -> None:
    assert read(put(tmp_path, data, name)) == ROWS
    assert column_names(tmp_path / name) == list(COLUMNS)


def test_an_array_larger_than_a_block_is_read(tmp_path: Path) -> None:
    rows = [(str(i), "字 word " * (40 if i else 400_000), None) for i in range(20_000)]
    data = json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], ensure_ascii=False, indent=1)
    assert read(put(tmp_path, data)) == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[{"doc_id": "a"},\n {"doc_id": b}]', "row 2, line 2: not valid JSON: Expecting value"),
        (b'[{"doc_id": "a"}\n {"doc_id": "b"}]', "row 2, line 2: expected a comma or the end of the array"),
        (b'[{"doc_id": "a"},\n {"doc_id": "b"}', "row 3, line 2: the file ends within the array"),
        (b'[{"doc_id": "a"}] []', "row 2, line 1: more behind the end of the array"),
        (b'[{"doc_id": "a"},\n {"doc_id": "b\xff"}]', "row 2, column 'doc_id': invalid UTF-8"),
        (b'{\n"doc_id": "a"\n}\n{\n"doc_id"\n}\n', "row 2, line 6: not valid JSON: Expecting ':' delimiter"),
        (b'[["a"]]', "row 1: expected a JSON object, found list ['a']"),
    ],
    ids=["value", "comma", "end", "more", "utf-8", "objects", "list"],
)  # fmt: skip
def test_a_fault_in_spread_json_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    assert error(put(tmp_path, data), {"doc_id": pl.String()}).startswith(f"a.jsonl: {message}")


def test_a_key_may_come_after_row_1000(tmp_path: Path) -> None:
    lines = [
        {"doc_id": str(i), "text": 'a "label"'} | ({"label": "x"} if i >= 1_000 else {}) for i in range(1_100)
    ]
    path = put(tmp_path, "".join(json.dumps(line) + "\n" for line in lines))
    assert [row[2] for row in read(path)] == [None] * 1_000 + ["x"] * 100
    assert "label" not in column_names(path)
    assert "label" in column_names(path, ["label"])
    missing = put(
        tmp_path, "".join(json.dumps(line) + "\n" for line in lines[:1_000]) + '{"label2": "label"}\n'
    )
    assert error(missing) == "a.jsonl: no column 'label' (valid: doc_id, text)"


@pytest.mark.parametrize("name", ["Label/Level", "tags[]", "a.b", "a) changed from (b", "级别"])
def test_columns_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = put(
        tmp_path, json.dumps({"doc_id": "a", name: 1}) + "\n" + json.dumps({"doc_id": "b", name: "c"}) + "\n"
    )
    assert read(path, {"doc_id": pl.String(), name: pl.String()}) == [("a", "1"), ("b", "c")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"doc_id": "z", "text": "broken \\ud83d", "label": "a"}', "row 5, column 'text': lone surrogate (\\ud83d at character 7)"),
        (b'{"doc_id": "z", "text": "Caf\xe9, "label": "a"}', "row 5: invalid UTF-8 (byte 0xe9: invalid continuation byte); the file looks like cp1252: corpora.X.encoding names"),
        (b'["\xff"]', "row 5: invalid UTF-8"),
        (b'{"doc_id": "z", "text": "a", "text": "b"}', "row 5, column 'text': this key twice in one object"),
        (b'{"doc_id": "z", "text": "a", "label": [1]}', "row 5, column 'label': value [1], expected String"),
        (b'{"doc_id": "z", "text": "a", "label": ' + b"[" * 100_000, "row 5: not valid JSON: nested too deeply"),
        (b'{"doc_id": "z", "text": "a", "label": ' + b"1" * 5_000 + b"}", "row 5: not valid JSON: Exceeds the limit"),
    ],
    ids=["surrogate", "latin-1", "array of latin-1", "twice", "list", "deep", "digits"],
)  # fmt: skip
def test_the_row_of_a_fault_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    good = b'{"doc_id": "a", "text": "t", "label": "a"}\n'
    assert error(put(tmp_path, good * 4 + line + b"\n" + good)).startswith(f"a.jsonl: {message}")


def test_a_fault_of_a_column_that_is_not_read_is_none(tmp_path: Path) -> None:
    path = put(tmp_path, b'{"doc_id": "a", "text": "b", "label": null, "more": "\\ud83d", "more": 1}\n')
    assert read(path) == [("a", "b", None)]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "strings"])
def test_values_become_the_same_strings_in_every_format(tmp_path: Path, kind: str) -> None:
    """As ids and as classes; `strings`: another row of the column is a string."""
    columns: dict[str, list[Any]] = {
        "whole": [1, -5, None],
        "large": [2**64 - 1, 2**63, 0],
        "number": [1.0, 0.1, None],
        "tiny": [1e-7, 1e20, 123_456_789_012_345_680.0],
        "truth": [True, False, None],
    }
    frame = pl.DataFrame(columns, schema_overrides={"large": pl.UInt64})
    expected = {
        "whole": ["1", "-5", None],
        "large": [str(2**64 - 1), str(2**63), "0"],
        "number": ["1.0", "0.1", None],
        "tiny": ["1e-7", "1e+20", "1.2345678901234568e+17"],
        "truth": ["true", "false", None],
    }
    path = tmp_path / f"a.{'jsonl' if kind == 'strings' else kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "csv":
        written = frame.with_columns(
            tiny=pl.Series(expected["tiny"]), truth=pl.Series(["True", "FALSE", None])
        )
        written.write_csv(path)
    else:
        rows = [*frame.to_dicts(), *([dict.fromkeys(columns, "s")] if kind == "strings" else [])]
        put(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    found = pl.concat(read_batches(path, dict.fromkeys(columns, pl.String()), rows=10)).head(3)
    assert found.to_dict(as_series=False) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_alike_one_by_one_and_in_columns(value: float) -> None:
    assert number_text(value) == pl.Series([value]).cast(pl.String)[0]


def test_times_and_decimals_of_parquet_become_strings(tmp_path: Path) -> None:
    time = datetime.datetime(2024, 5, 1, 13)
    frame = pl.DataFrame(
        {
            "time": [time, time.replace(microsecond=50)],
            "date": [time.date(), None],
            "price": [Decimal("1.50"), Decimal("2.00")],
            "zone": pl.Series([time, None]).dt.replace_time_zone("Asia/Shanghai"),
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", dict.fromkeys(frame.columns, pl.String())) == [
        ("2024-05-01 13:00:00", "2024-05-01", "1.50", "2024-05-01 13:00:00+08:00"),
        ("2024-05-01 13:00:00.00005", None, "2.00", None),
    ]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_spans_at_fractions_are_an_error(tmp_path: Path, kind: str) -> None:
    spans = [{"start": 0.5, "end": 2.0, "label": "a"}]
    path = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        put(tmp_path, json.dumps({"spans": spans}))
    elif kind == "csv":
        pl.DataFrame({"spans": [json.dumps(spans)], "more": ["x"]}).write_csv(path)
    else:
        pl.DataFrame({"spans": [spans]}).write_parquet(path)
    assert error(path, {"spans": SPANS}).startswith(f"a.{kind}: ")


def test_lists_of_parquet_may_all_be_empty(tmp_path: Path) -> None:
    pl.DataFrame({"spans": [[], None]}, schema={"spans": pl.List(pl.Null)}).write_parquet(
        tmp_path / "a.parquet"
    )
    assert read(tmp_path / "a.parquet", {"spans": SPANS}) == [([],), (None,)]


def test_a_file_without_rows_has_no_say_about_columns(tmp_path: Path) -> None:
    put(tmp_path, LINES)
    put(tmp_path, b"", "b.jsonl")
    assert column_names(tmp_path) == list(COLUMNS)
    assert read(tmp_path) == ROWS
