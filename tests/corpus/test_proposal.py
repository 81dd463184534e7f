"""The settings that a file's columns suggest."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.corpus.proposal import propose
from mgm.corpus.raw_tables import read_whole, table_file, write_table
from mgm.corpus.readers import read_batches

ROWS = 60
TEXTS = ["The tea is hot and good.", "茶很好喝，我每天都喝。", "Nobody drinks cold rice soup here."]


def notes(**columns: list[Any]) -> pl.DataFrame:
    """Rows with an id, a text and some columns of as many values."""
    texts = [f"{TEXTS[n % 3]} {n}" for n in range(ROWS)]
    return pl.DataFrame({"id": list(range(1, ROWS + 1)), "text": texts} | columns)


def cycle(*values: Any) -> list[Any]:
    return [values[n % len(values)] for n in range(ROWS)]


COLUMNS = {
    "classes": (cycle("茶", "rice"), "classification (2 values in 60 rows)"),
    "few whole numbers": (
        cycle(1, 2, 3),
        "classification (3 values in 60 rows); or regression (whole numbers from 1 to 3, 3 values)",
    ),
    "numbers": ([n / 8 for n in range(ROWS)], "regression (numbers from 0 to 7.375, 60 values)"),
    "many whole numbers": (
        [n // 2 for n in range(ROWS)],
        "regression (whole numbers from 0 to 29, 30 values)",
    ),
    "lists": (cycle(["hot"], ["cold", "茶"], []), "multilabel (lists of 3 labels in 60 rows)"),
    "spans": (
        cycle([{"start": 0, "end": 3, "label": "ART"}], []),
        "tagging (lists of start, end, label: 30 spans of 1 labels in 60 rows)",
    ),
    "texts": (
        [f"A summary of the text number {n}" for n in range(ROWS)],
        "left out (texts of 31 characters on average; `kind: generation` would learn them)",
    ),
    "many names": ([f"n{n // 2}" for n in range(ROWS)], "left out (30 different values in 60 rows)"),
    "one value": (cycle("x"), "left out (one value in all rows)"),
    "no value": ([None] * ROWS, "left out (no value in any row)"),
}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_a_task_or_left_out_with_the_reason(name: str, suffix: str, tmp_path: Path) -> None:
    values, reason = COLUMNS[name]
    path = tmp_path / f"notes{suffix}"
    write_table(notes(sure=cycle("a", "b"), column=values), path)
    proposal = propose(path)
    found = proposal.reasons["column"]
    assert found == reason
    assert ("column" in proposal.tasks) == (not reason.startswith("left out"))
    assert proposal.rows == ROWS and not proposal.changes
    assert proposal.columns == {"id": "id", "lang": "detect"}


def test_columns_of_documents_are_found_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    frame = notes(
        label=cycle("a", "b"),
        author=[f"u{n % 30}" for n in range(ROWS)],
        lang=cycle("en", "zh"),
        split=cycle("train", "valid", "test"),
    )
    frame.rename({"text": "Review"}).write_csv(path)
    proposal = propose(path)
    assert proposal.columns == {"text_column": "Review", "id": "id", "split": "split", "group": "author"}
    assert proposal.reasons["author"] == "the group (30 values): rows of one author stay in one split"
    assert list(proposal.tasks) == ["label"] and not proposal.changes


@pytest.mark.parametrize(
    ("name", "values", "setting", "reason"),
    [
        ("split", ("train", "test"), None, "the split (test, train; valid out of train)"),
        ("split", ("train", "test", None), "hash", "left out (values test, train, and empty ones; expected"),
        ("split", ("test", "dev"), "hash", "left out (values dev, test; expected"),
        ("fold", ("train", "dev", "test"), "fold", "the split (dev, test, train)"),
        ("fold", ("train", "test"), None, ""),
    ],
    ids=["no valid", "empty", "no train", "another name", "another name, no valid"],
)
def test_the_split_is_proposed_as_ingest_takes_it(
    tmp_path: Path, name: str, values: tuple[str | None, ...], setting: str | None, reason: str
) -> None:
    path = tmp_path / "notes.csv"
    notes(label=cycle("a", "b"), **{name: cycle(*values)}).write_csv(path)
    proposal = propose(path)
    assert proposal.columns.get("split") == setting
    assert proposal.reasons[name].startswith(reason)


@pytest.mark.parametrize(
    ("author", "group"),
    [([f"u{n % 30}" for n in range(ROWS)], "author"), ([f"u{n // 2}" for n in range(ROWS)], None)],
    ids=["in one split", "in several"],
)
def test_a_group_that_straddles_the_given_splits_is_left_out(
    tmp_path: Path, author: list[str], group: str | None
) -> None:
    """With it, the gate after ingest would stop."""
    path = tmp_path / "notes.csv"
    notes(label=cycle("a", "b"), author=author, split=cycle("train", "test")).write_csv(path)
    proposal = propose(path)
    assert proposal.columns.get("group") == group
    assert proposal.reasons["author"].startswith("the group" if group else "left out (30 values): rows of")


def test_names_that_mean_something_else_are_no_surprise(tmp_path: Path) -> None:
    """A column named group with few values is a task, and a language that is none of the known is detected."""
    path = tmp_path / "notes.jsonl"
    notes(group=cycle("a", "b"), lang=cycle("english"), split=cycle("x", "y")).write_ndjson(path)
    proposal = propose(path)
    assert proposal.columns == {
        "id": "id", "lang": "detect", "group": "id", "split": "hash", "columns": {"group_label": "group"}
    }  # fmt: skip
    assert list(proposal.tasks) == ["group_label"]
    assert "the value 'english'" in proposal.reasons["lang"]
    assert proposal.reasons["split"].startswith("left out (values x, y; expected train, valid, test)")


def test_the_copy_has_ids_and_lists_as_ingest_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    frame = notes(tags=cycle("hot|茶", "cold", "hot | cold"), split=cycle("Train", "dev", "test")).drop("id")
    frame.write_csv(path)
    proposal = propose(path)
    rows = proposal.rewritten(read_whole(table_file(path)))
    assert rows["doc_id"].to_list() == [str(n) for n in range(1, ROWS + 1)]
    assert rows["tags"].to_list()[:3] == [["hot", "茶"], ["cold"], ["hot", "cold"]]
    assert rows["split"].to_list()[:3] == ["Train", "dev", "test"]  # ingest knows these names
    assert proposal.columns == {"split": "split", "lang": "detect"}
    copy = tmp_path / "copy.csv"
    write_table(rows, copy)
    again = propose(copy)
    assert not again.changes and again.tasks == proposal.tasks
    assert json.loads(pl.read_csv(copy)["tags"][0]) == ["hot", "茶"]


def test_an_id_that_repeats_is_no_id(tmp_path: Path) -> None:
    """It repeats beyond the rows that are looked at for types, too: all rows are compared."""
    path = tmp_path / "notes.csv"
    wide = pl.concat([notes(label=cycle("a", "b")).with_columns(pl.col("id") + 100 * n) for n in range(400)])
    wide[-1, "id"] = 1
    wide.write_csv(path)
    proposal = propose(path)
    assert proposal.rows == 400 * ROWS
    assert proposal.changes["doc_id"].number_rows and "id" not in proposal.columns


def test_rare_labels_are_not_learnt(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    notes(label=[*cycle("a", "b")[:-2], "seldom", "seldom"]).write_csv(path)
    proposal = propose(path)
    assert proposal.tasks["label"] == {"kind": "classification", "min_count": 5, "rare": "null"}
    assert "fewer than 5 rows are not learnt (seldom)" in proposal.reasons["label"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\n", "expected at least one row"),
        ("a,b\n1,2\n3,4\n", "no column of texts; expected one beside a, b"),
        ("text\nsome words\nother words\n", "no column that could be a task beside the text 'text'"),
    ],
    ids=["no rows", "no text", "no task"],
)
def test_a_file_that_suggests_nothing_is_an_error(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as raised:
        propose(path)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


def test_a_folder_or_a_plain_text_has_no_columns(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a folder; expected a file"):
        propose(tmp_path)
    (tmp_path / "note.txt").write_text("tea", encoding="utf-8")
    with pytest.raises(ValueError, match="plain text has no columns"):
        propose(tmp_path / "note.txt")


def test_numbers_in_lists_become_the_texts_that_the_reader_takes(tmp_path: Path) -> None:
    path, copy = tmp_path / "notes.jsonl", tmp_path / "copy.jsonl"
    write_table(notes(codes=cycle([1, 2], [3])), path)
    proposal = propose(path)
    assert (
        proposal.reasons["codes"] == "multilabel (lists of 3 labels in 60 rows), written as texts in the copy"
    )
    write_table(proposal.rewritten(read_whole(table_file(path))), copy)
    (rows,) = read_batches(copy, {"codes": pl.List(pl.String)}, rows=ROWS)
    assert rows["codes"][0].to_list() == ["1", "2"]


def test_another_separator_is_found(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    notes(taste=cycle("好", "坏")).write_csv(path, separator=";")
    proposal = propose(path)
    assert proposal.reasons["taste"] == "classification (2 values in 60 rows)" and not proposal.changes
