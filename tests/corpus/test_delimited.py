"""CSV and TSV: no row is lost where quotes, line breaks and columns are other than a parser hopes for."""

import csv
import io
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.corpus.readers import Dialect, column_names, delimited, read_batches, records
from mgm.tasks import TASK_KINDS

COLUMNS = {"doc_id": pl.String(), "text": pl.String(), "label": pl.String()}


def rows(folder: Path, name: str, data: str | bytes, **dialect: Any) -> list[tuple[str | None, ...]]:
    """Return the rows of a file of this content."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return pl.concat(read_batches(path, COLUMNS, rows=100, dialect=Dialect(**dialect))).rows()


def error(folder: Path, name: str, data: str | bytes, **dialect: Any) -> str:
    """Return the one line that a file of this content is refused with."""
    with pytest.raises(ValueError) as caught:
        rows(folder, name, data, **dialect)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder}/")


def test_quotes_in_tsv_are_characters_where_every_line_is_a_row(tmp_path: Path) -> None:
    """A quoted reading of these six rows gives three, and none is missed."""
    lines = [
        ("1", '"Great, but', "a"),
        ("2", 'far" away', "b"),
        ("3", '"Hello', "a"),
        ("4", 'world"', "b"),
        ("5", 'a 5" screen', "a"),
        ("6", '"quoted"', "b"),
    ]
    data = "doc_id\ttext\tlabel\n" + "".join("\t".join(line) + "\n" for line in lines)
    assert rows(tmp_path, "a.tsv", data) == lines
    assert rows(tmp_path, "b.tsv", data.replace("\n", "\r\n")) == lines


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"one ""word"" quoted"', 'one "word" quoted'),
        ('"two\nlines"', "two\nlines"),
        ('"a tab\tand a line\nbreak"', "a tab\tand a line\nbreak"),
        ('"all"', "all"),
    ],
    ids=["doubled", "line break", "tab", "plain"],
)
def test_quotes_in_tsv_are_quotes_where_they_pair(tmp_path: Path, cell: str, text: str) -> None:
    data = f"doc_id\ttext\tlabel\n1\tx\ta\n2\t{cell}\tb\n"
    assert rows(tmp_path, "a.tsv", data) == [("1", "x", "a"), ("2", text, "b")]


def test_tsv_decides_by_the_first_lines_with_quotes(tmp_path: Path) -> None:
    """Megabytes without a quote before them say nothing."""
    plain = "".join(f"{i}\t{'word ' * 20}\ta\n" for i in range(60_000))
    data = "doc_id\ttext\tlabel\n" + plain + 'x\t"Hello\ta\ny\tworld"\tb\n'
    found = rows(tmp_path, "a.tsv", data)
    assert len(found) == 60_002
    assert found[-2:] == [("x", '"Hello', "a"), ("y", 'world"', "b")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('1,"un,a\n2,"x",b\n', "a.csv: row 1, column 'text': value '\"un,a\\n2,\"x\",b\\n': the cell continues after its closing quote"),
        ('1,x,a\n2,"x" y,b\n', "a.csv: row 2, column 'text': value '\"x\" y,b\\n': the cell continues after its closing quote"),
        ('1,x,a\n2,"x,b\n3,y,c\n', "a.csv: row 2, column 'text': value '\"x,b\\n3,y,c\\n': a quote that is not closed"),
        ('1,x,a\n2,"x\ny"\n', "a.csv: row 2: value '2,\"x\\ny\"': 2 columns, expected 3 as in the header"),
        ("1,x\ry,a\n", "a.csv: row 1: value '1,x': 2 columns, expected 3 as in the header"),
    ],
    ids=["swallows a row", "goes on", "not closed", "too few columns", "a line break of its own"],
)  # fmt: skip
def test_a_quote_that_would_swallow_rows_is_an_error(tmp_path: Path, body: str, message: str) -> None:
    assert error(tmp_path, "a.csv", "doc_id,text,label\n" + body).startswith(
        message.replace("\\n': the", "\\n': the")
    )


def test_quotes_within_cells_are_characters(tmp_path: Path) -> None:
    data = 'doc_id,text,label\n1,a 5" screen,a\n2,"b, ""c""",b\n3,"",c\n\n4,x""y,"d"\n'
    expected = [("1", 'a 5" screen', "a"), ("2", 'b, "c"', "b"), ("3", None, "c"), ("4", 'x""y', "d")]
    assert rows(tmp_path, "a.csv", data) == expected
    assert rows(tmp_path, "b.csv", data.replace("\n", "\r")) == expected


def test_columns_of_one_name_are_an_error_where_they_are_read(tmp_path: Path) -> None:
    data = "doc_id,text,text,label,more,more\n1,x,y,a,2,3\n"
    assert error(tmp_path, "a.csv", data) == "a.csv: column 'text': 2 columns of this name, expected one"
    assert rows(tmp_path, "b.csv", data.replace("text,text", "text,other")) == [("1", "x", "a")]


TABLE = [("1", "Café, 打开", "a"), ("2", None, "b")]
CSV = 'doc_id,text,label\n1,"Café, 打开",a\n2,,b\n'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", CSV.encode("utf-8-sig")),
        ("a.csv", CSV.encode("utf-16")),
        ("a.csv", "doc_id\ttext\tlabel\r\n1\tCafé, 打开\ta\r\n2\t\tb\r\n".encode("utf-16")),
        ("a.csv", b"\xfe\xff" + CSV.encode("utf-16-be")),
        ("A.CSV", CSV.encode()),
        ("a.csv", "doc_id;text;label\n1;Café, 打开;a\n2;;b\n".encode()),
        ("a.csv", "sep=;\r\ndoc_id;text;label\r\n1;Café, 打开;a\r\n2;;b".encode()),
        ("a.csv", "\ufeffsep=|\ndoc_id|text|label\n1|Café, 打开|a\n2||b\n".encode()),
        ("a.csv", '"doc_id";"text";"label"\n"1";"Café, 打开";"a"\n"2";"";"b"\n'.encode()),
        ("a.tsv", CSV.encode()),
        ("a.csv", CSV.replace("doc_id,text,label", ' doc_id , "text",label ').replace(' "text"', '"text "').encode()),
    ],
    ids=["mark", "utf-16", "unicode text", "big-endian", "upper case", "semicolon", "quoted semicolon", "sep=", "mark and sep=", "commas in tsv", "blanks"],
)  # fmt: skip
def test_every_way_of_writing_gives_the_same_rows(tmp_path: Path, name: str, data: bytes) -> None:
    assert rows(tmp_path, name, data) == TABLE
    assert column_names(tmp_path / name) == list(COLUMNS)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Café, déjà vu – été"),
        ("gb18030", "打开“文件”菜单，选择保存。"),
        ("utf-16-le", "Open the file 打开"),
    ],
)
def test_another_encoding_is_named_and_read_by_a_setting(tmp_path: Path, encoding: str, text: str) -> None:
    data = f'doc_id,text,label\n1,"{text}",a\n'.encode(encoding)
    if encoding == "utf-16-le":  # ASCII in it has zeros, and needs no setting
        assert rows(tmp_path, "a.csv", data) == [("1", text, "a")]
    else:
        assert (
            f"a.csv: row 1, column 'text': invalid UTF-8 (byte {data[data.index(b'1,') + 3 :].lstrip(b'Caf')[0]:#04x}"
            in (error(tmp_path, "a.csv", data))
        )
        assert f"looks like {encoding}: corpora.X.encoding names" in error(tmp_path, "a.csv", data)
    assert rows(tmp_path, "a.csv", data, encoding=encoding) == [("1", text, "a")]


@pytest.mark.parametrize(("encoding", "name"), [("cp1252", "étiquette"), ("gb18030", "标签，类别")])
def test_another_encoding_of_the_header_is_named(tmp_path: Path, encoding: str, name: str) -> None:
    data = f'doc_id,text,"{name}"\n1,a,b\n'.encode(encoding)
    message = error(tmp_path, "a.csv", data)
    assert message.startswith("a.csv: line 1, the header: value ")
    assert f"looks like {encoding}: corpora.X.encoding names its encoding" in message
    found = column_names(tmp_path / "a.csv", dialect=Dialect(encoding=encoding))
    assert found == ["doc_id", "text", name]


def test_a_header_may_have_a_line_break(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('doc_id,"What do you\nthink?",label\nx,"a\nb",c\n')
    name = "What do you\nthink?"
    assert column_names(tmp_path / "a.csv") == ["doc_id", name, "label"]
    assert pl.concat(read_batches(tmp_path / "a.csv", {name: pl.String()}, rows=9)).rows() == [("a\nb",)]


def test_quotes_behind_backslashes(tmp_path: Path) -> None:
    data = 'doc_id,text,label\nd1,"He said \\"hi\\", then left",a\nd2,"a \\"b\\"",b\nd3,"c:\\\\",c\n'
    message = error(tmp_path, "a.csv", data)
    assert message.startswith("a.csv: row 1, column 'text': value ")
    assert message.endswith(
        "a quote behind a backslash; expected quotes doubled (corpora.X.escape: '\\' reads them)"
    )
    expected = [("d1", 'He said "hi", then left', "a"), ("d2", 'a "b"', "b"), ("d3", "c:\\", "c")]
    assert rows(tmp_path, "a.csv", data, escape="\\") == expected


def test_quotes_may_be_text_by_a_setting(tmp_path: Path) -> None:
    data = 'doc_id,text,label\n1,"a" b,x\n2,"c,y\n'
    assert rows(tmp_path, "a.csv", data, quote="") == [("1", '"a" b', "x"), ("2", '"c', "y")]
    assert rows(tmp_path, "b.csv", data.replace('"a" b', "'a,b'"), quote="'")[0] == ("1", "a,b", "x")


def numbers(folder: Path, data: str, **dialect: Any) -> list[float | None]:
    """Return the numbers of a file with the columns doc_id and score, separated by semicolons."""
    (folder / "n.csv").write_text("doc_id;score\n" + data)
    columns = {"doc_id": pl.String(), "score": pl.Float32()}
    return pl.concat(read_batches(folder / "n.csv", columns, rows=9, dialect=Dialect(**dialect)))[
        "score"
    ].to_list()


def test_numbers_that_are_missing_and_those_with_commas(tmp_path: Path) -> None:
    assert numbers(tmp_path, "a;1.5\nb;NA\nc;\nd; 2 \n") == [1.5, None, None, 2.0]
    assert numbers(tmp_path, "a;1,5\nb;NA\nc;-2\n", decimal=",") == [1.5, None, -2.0]
    with pytest.raises(
        ValueError,
        match="row 2, column 'score': value '1,5', expected Float32 .corpora.X.decimal: \",\" reads",
    ):
        numbers(tmp_path, "a;1.5\nb;1,5\n")
    with pytest.raises(ValueError, match=r"row 2, column 'score': value '1\.234,5', expected Float32"):
        numbers(tmp_path, "a;1,5\nb;1.234,5\n", decimal=",")
    with pytest.raises(ValueError, match="row 1, column 'score': value 'high', expected Float32"):
        numbers(tmp_path, "a;high\n")


def test_missing_values_by_a_setting(tmp_path: Path) -> None:
    data = "doc_id,text,label\n1,a,NA\n2,b,x\n"
    assert rows(tmp_path, "a.csv", data) == [("1", "a", "NA"), ("2", "b", "x")]
    assert rows(tmp_path, "a.csv", data, null_values=("NA",)) == [("1", "a", None), ("2", "b", "x")]


def test_lists_of_labels_as_json_or_with_separators(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("doc_id,tags\n1,a; b\n2,\n3,c;\n")
    columns = {"doc_id": pl.String(), "tags": TASK_KINDS["multilabel"].column_type}
    found = pl.concat(read_batches(tmp_path / "a.csv", columns, rows=9, dialect=Dialect(list_separator=";")))
    assert found["tags"].to_list() == [["a", "b"], None, ["c"]]
    message = "row 1, column 'tags': value 'a; b', expected a list written as JSON.*corpora.X.list_separator reads a;b"
    with pytest.raises(ValueError, match=message):
        list(read_batches(tmp_path / "a.csv", columns, rows=9))
    (tmp_path / "a.csv").write_text(
        "doc_id,tags\n1,\"['a', 'b']\"\n2,[]\n"
    )  # as a data frame's lists are written
    assert pl.concat(read_batches(tmp_path / "a.csv", columns, rows=9))["tags"].to_list() == [["a", "b"], []]


def test_the_separator_is_the_one_by_which_the_columns_are_there(tmp_path: Path) -> None:
    data = 'doc_id;text;label;"more, or less"\n1;a, b;c;d\n'
    assert rows(tmp_path, "a.csv", data) == [("1", "a, b", "c")]
    assert "no column 'doc_id'" in error(tmp_path, "a.csv", data, separator=",")


_cells = st.text(st.sampled_from("ab\"',;|\\ \n打é\x00"), max_size=6)


@settings(max_examples=150)
@given(
    written=st.lists(st.tuples(_cells, _cells, _cells), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(40, 90),
)
def test_what_is_written_is_read_wherever_blocks_end(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[tuple[str, str, str]],
    separator: str,
    quoting: Any,
    line_end: str,
    block: int,
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=line_end).writerows(
        [COLUMNS, *written]
    )
    with mock.patch.object(records, "BLOCK_BYTES", block), mock.patch.object(delimited, "BLOCK_BYTES", block):
        found = rows(tmp_path_factory.mktemp("csv"), "a.csv", file.getvalue())
    # an empty cell is null, and a row of these alone is one
    assert found == [tuple(cell or None for cell in row) for row in written]
