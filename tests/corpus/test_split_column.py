"""A column named `split`: used where its values are splits, refused where they are half so, else left alone and said."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.corpus.ingest import Ingested, ingest
from mgm.corpus.parts import read_table
from mgm.corpus.raw_corpus import RawCorpus
from mgm.corpus.splits import split_of
from mgm.settings.corpora import CorpusSettings, IngestSettings
from mgm.tasks import Task

ROWS = 40
TASK = Task(name="kind", kind="classification", corpora=["c"])


def run(
    folder: Path, splits: list[Any], *, groups: list[str] | None = None, **settings: Any
) -> tuple[Ingested, pl.DataFrame]:
    """Ingests a row for each split, English and Chinese by turns."""
    rows = [
        {"doc_id": f"d{i}", "text": "打开 文件" if i % 2 else "Open a file", "lang": "zh" if i % 2 else "en", "kind": "a"}
        | ({} if split is ... else {"split": split})
        | ({"group": groups[i]} if groups else {})
        for i, split in enumerate(splits)
    ]  # fmt: skip
    (folder / "c.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    return go(folder / "c.jsonl", folder, **settings)


def go(source: Path, folder: Path, **settings: Any) -> tuple[Ingested, pl.DataFrame]:
    raw = RawCorpus(
        name="c",
        source=source,
        settings=CorpusSettings(**settings),
        tasks=[TASK],
        part_size=IngestSettings(rows_per_part=7),
    )
    done = ingest(raw, documents=folder / "documents", rejects=folder / "rejects")
    return done, read_table(folder / "documents")


def by_hash(documents: pl.DataFrame) -> list[str]:
    return [split_of(group) for group in documents["group"]]


GIVEN = ["train"] * 28 + ["valid"] * 4 + ["test"] * 8


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [("train", "valid", "test"), ("train", "validation", "test"), ("Training", "dev", "TEST"), ("train ", "val", "testing"), ("训练集", "验证", "测试")],
    ids=["contract", "datasets", "case", "blanks", "chinese"],
)  # fmt: skip
def test_a_column_of_splits_is_used(tmp_path: Path, train: str, valid: str, test: str) -> None:
    names = {"train": train, "valid": valid, "test": test}
    done, documents = run(tmp_path, [names[split] for split in GIVEN])
    assert documents["split"].to_list() == GIVEN
    assert (done.splits.decided_by, done.splits.unused) == ("column 'split'", None)
    assert done.statistics.result()["splits"] == {"train": 28, "valid": 4, "test": 8}


@pytest.mark.parametrize(
    ("named", "absent"),
    [({"train", "test"}, {"valid"}), ({"train", "valid"}, {"test"}), ({"train"}, {"valid", "test"})],
    ids=["no valid", "no test", "train alone"],
)
def test_a_split_that_is_never_named_comes_out_of_train_by_groups(
    tmp_path: Path, named: set[str], absent: set[str]
) -> None:
    """So a corpus that names train alone is split as one without the column is, and a given test split stays whole."""
    splits = [split if split in named else "train" for split in GIVEN * 5]
    groups = [f"g{i // 2}" for i in range(len(splits))]
    done, documents = run(tmp_path, splits, groups=groups)
    expected = [
        hashed if given == "train" and hashed in absent else given
        for given, hashed in zip(splits, by_hash(documents), strict=True)
    ]
    assert documents["split"].to_list() == expected
    assert Counter(expected).keys() == {"train", "valid", "test"}
    assert documents.group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1
    assert "out of train by the hash of the group" in done.splits.decided_by


def test_a_column_that_the_settings_name_is_used_as_it_is(tmp_path: Path) -> None:
    done, documents = run(tmp_path, ["train"] * 32 + ["test"] * 8, split="split")
    assert documents["split"].to_list() == ["train"] * 32 + ["test"] * 8
    assert done.splits.decided_by == "column 'split'"


@pytest.mark.parametrize(
    ("splits", "unused"),
    [
        (
            ["a", "b"] * 20,
            "its values are 'a', 'b'; expected one of train, valid (validation, val, dev), test",
        ),
        ([1, 2, 3, None] * 10, "its values are '1', '2', '3'; expected one of"),
        ([str(i) for i in range(300)], "its values are '0', '1', '10', '100', '101', ...; expected one of"),
        ([["train"], ["test"]] * 20, "its values are no text"),
    ],
    ids=["letters", "numbers", "many", "lists"],
)
def test_a_column_of_something_else_is_left_alone_and_said(
    tmp_path: Path, splits: list[Any], unused: str
) -> None:
    done, documents = run(tmp_path, splits)
    assert documents["split"].to_list() == by_hash(documents)
    assert done.splits.decided_by == "hash of the group"
    assert done.splits.unused is not None and done.splits.unused.startswith(unused)


@pytest.mark.parametrize("splits", [[None] * ROWS, [...] * ROWS], ids=["empty", "none"])
def test_without_values_documents_are_split_by_hash(tmp_path: Path, splits: list[Any]) -> None:
    done, documents = run(tmp_path, splits)
    assert documents["split"].to_list() == by_hash(documents)
    assert (done.splits.decided_by, done.splits.unused) == ("hash of the group", None)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([*GIVEN, None], "row 41, column 'split': value None, expected one of train, valid (validation, val, dev), test (corpora.c.split: hash splits by the hash of the group)"),
        (["train", "unsupervised", "test"], "row 2, column 'split': value 'unsupervised', expected one of train"),
        ([f"{i}" for i in range(200)] + ["test"], "row 1, column 'split': value '0', expected one of train"),
        (["test"] * 9, "column 'split': the values are 'test'; expected rows of train, too (corpora.c.split: hash"),
        (["dev", "extra"], "column 'split': the values are 'dev', 'extra'; expected rows of train, too"),
    ],
    ids=["no value", "another value", "one of many", "test alone", "no train"],
)  # fmt: skip
def test_a_column_that_is_half_of_splits_is_an_error(tmp_path: Path, splits: list[Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        run(tmp_path, splits)
    assert message in str(error.value)
    assert "c.jsonl" in str(error.value)


@pytest.mark.parametrize(
    ("settings", "column"),
    [
        ({"split": "hash"}, None),
        ({"columns": {"kind": "split"}}, "label:kind"),
        ({"group": "split"}, "group"),
    ],
    ids=["by hash", "a label", "the group"],
)
def test_the_column_is_left_alone_where_the_settings_say_so(
    tmp_path: Path, settings: dict[str, Any], column: str | None
) -> None:
    done, documents = run(tmp_path, GIVEN, **settings)
    assert documents["split"].to_list() == by_hash(documents)
    assert done.splits.unused is None
    if column:
        assert documents[column].to_list() == GIVEN


def test_a_column_in_some_of_the_files_alone_is_left_alone_and_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("doc_id,text,lang,kind,split\na,one,en,x,train\nb,two,en,y,test\n")
    (tmp_path / "in/b.csv").write_text("doc_id,text,lang,kind\nc,three,en,x\n")
    done, documents = go(tmp_path / "in", tmp_path)
    assert documents["split"].to_list() == by_hash(documents)
    assert done.splits.unused == "only some of the files have it"
    (tmp_path / "in/b.csv").write_text("doc_id,text,lang,kind,split\nc,three,en,x,dev\n")
    assert go(tmp_path / "in", tmp_path)[1]["split"].to_list() == ["train", "test", "valid"]


def test_a_published_test_split_of_a_csv_stays_out_of_training(tmp_path: Path) -> None:
    """The column is text in CSV, and an empty cell is no value."""
    rows = "".join(f"d{i},文 {i},zh,a,{'test' if i % 4 == 0 else 'train'}\n" for i in range(80))
    (tmp_path / "c.csv").write_text("doc_id,text,lang,kind,split\n" + rows, encoding="utf-8")
    _, documents = go(tmp_path / "c.csv", tmp_path)
    ids = documents.filter(pl.col("split") == "test")["doc_id"].to_list()
    assert ids == [f"d{i}" for i in range(0, 80, 4)]
    (tmp_path / "c.csv").write_text("doc_id,text,lang,kind,split\n" + rows + "e,文,zh,a,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 81, column 'split': value None, expected one of train"):
        go(tmp_path / "c.csv", tmp_path)
