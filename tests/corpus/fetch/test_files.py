import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgm.corpus.fetch.files import FLOAT, SPANS, STRINGS, write_corpus

TASKS = {"score": FLOAT, "tags": STRINGS, "spans": SPANS}


def row(doc_id: str, **values: object) -> dict[str, object]:
    unlabelled: dict[str, object] = dict.fromkeys(TASKS)
    return {"doc_id": doc_id, "text": "好 text", "lang": "en", "group": "g"} | unlabelled | values


def test_equal_rows_are_equal_bytes_whatever_their_order(tmp_path):
    rows = [
        row("b", score=0.5, spans=[{"start": 0, "end": 1, "label": "x"}]),
        row("a", tags=[]),
        row("c", tags=["t", "u"], aside="not a column"),
    ]
    one = write_corpus(tmp_path / "new" / "one.parquet", rows, tasks=TASKS)
    two = write_corpus(tmp_path / "two.parquet", rows[::-1], tasks=TASKS)
    assert one.read_bytes() == two.read_bytes()
    table = pq.read_table(one)
    assert table.schema.names == ["doc_id", "text", "lang", "group", "score", "tags", "spans"]
    assert table.schema.field("text").type == pa.large_string()
    assert table["doc_id"].to_pylist() == ["a", "b", "c"]
    assert table["tags"].to_pylist() == [[], None, ["t", "u"]]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "corpus.parquet: no rows"),
        ([row("a"), row("b"), row("a")], "column 'doc_id': 'a' is in 2 rows"),
        ([row("a"), row("b", text="")], "row 1, column 'text': ''; expected a text"),
        ([row("a", group=None)], "row 0, column 'group': None"),
        ([row("a", score="high")], "high|str"),
    ],
)
def test_bad_rows_leave_the_file_that_was_there(tmp_path, rows, reason):
    path = tmp_path / "corpus.parquet"
    path.write_bytes(b"yesterday's")
    with pytest.raises((ValueError, TypeError), match=reason):
        write_corpus(path, rows, tasks=TASKS)
    assert path.read_bytes() == b"yesterday's"
    assert list(tmp_path.iterdir()) == [path]
