"""Ingest: documents under one set of names; identity faults stop, row faults go to the rejects with their reason."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.corpus.ingest import ingest
from mgm.corpus.parts import Counts, read_table
from mgm.corpus.splits import split_of
from mgm.settings import CorpusSettings
from mgm.tasks import Task

TASKS = [
    Task(name="grade", kind="regression", corpora=["notes"]),
    Task(name="kind", kind="classification", corpora=["notes"]),
    Task(name="names", kind="tagging", corpora=["notes"]),
    Task(name="tags", kind="multilabel", corpora=["notes"]),
]


def note(doc_id: str, text: str | None = "你好 world", **more: Any) -> dict[str, Any]:
    labels = {"grade": 1.5, "kind": "greeting", "names": [], "tags": ["a"]}
    return {"doc_id": doc_id, "text": text, "lang": "mixed"} | labels | more


def run(
    folder: Path, rows: list[dict[str, Any]], **settings: Any
) -> tuple[Counts, pl.DataFrame, pl.DataFrame]:
    source = folder / "notes.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    counts = ingest(
        "notes", source, CorpusSettings(**settings), TASKS, 2, folder / "documents", folder / "rejects"
    )
    return counts, read_table(folder / "documents"), read_table(folder / "rejects")


def test_documents_have_their_contract(tmp_path: Path) -> None:
    counts, documents, rejects = run(
        tmp_path, [note("b"), note("a", names=[{"start": 3, "end": 8, "label": "x"}]), note("c")]
    )
    assert dict(documents.schema) == {
        "doc_id": pl.String, "text": pl.String, "lang": pl.String, "group": pl.String, "split": pl.String,
        "grade": pl.Float32, "kind": pl.String, "tags": pl.List(pl.String),
        "names": pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String})),
    }  # fmt: skip
    assert documents["doc_id"].to_list() == ["b", "a", "c"]
    assert documents["split"].to_list() == [split_of("b"), split_of("a"), split_of("c")]
    assert (counts.rows_in, counts.rows_out, rejects.height) == (3, 3, 0)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    rows = [
        {
            "key": 1,
            "body": "x y",
            "where": "train",
            "who": "ann",
            "level": "high",
            "grade": None,
            "names": None,
            "tags": None,
        }
    ]
    _, documents, _ = run(
        tmp_path,
        rows,
        id="key",
        text_column="body",
        lang="en",
        split="where",
        group="who",
        columns={"kind": "level"},
    )
    assert documents.drop("grade", "names", "tags").to_dicts() == [
        {"doc_id": "1", "text": "x y", "lang": "en", "group": "ann", "split": "train", "kind": "high"}
    ]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"text": None}, "text_missing"),
        ({"kind": "  "}, "label_empty"),
        ({"tags": ["a", ""]}, "label_empty"),
        ({"names": [{"start": 0, "end": 2, "label": ""}]}, "label_empty"),
        ({"grade": 1e60}, "label_not_finite"),
        ({"names": [{"start": 6, "end": 99, "label": "x"}]}, "span_outside_text"),
        ({"names": [{"start": -1, "end": 1, "label": "x"}]}, "span_outside_text"),
        ({"names": [{"start": 2, "end": 2, "label": "x"}]}, "span_outside_text"),
    ],
)
def test_a_faulty_row_is_rejected_with_its_reason_and_values(
    tmp_path: Path, fault: dict[str, Any], reason: str
) -> None:
    counts, documents, rejects = run(tmp_path, [note("a"), note("b", **fault), note("c")])
    assert documents["doc_id"].to_list() == ["a", "c"]
    assert rejects["doc_id"].to_list() == ["b"]
    assert rejects["reasons"].to_list() == [[reason]]
    assert rejects["stage"].to_list() == ["ingest"]
    assert json.loads(rejects["values"][0])["doc_id"] == "b"
    assert counts.reasons == {reason: 1}
    assert counts.rows_in == counts.rows_out + counts.rejected == 3


def test_a_row_with_two_faults_has_both_reasons(tmp_path: Path) -> None:
    _, _, rejects = run(tmp_path, [note("a", text=None, kind=""), note("b")])
    assert rejects["reasons"].to_list() == [["label_empty", "text_missing"]]


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([note("a"), note("b"), note("a")], {}, "column 'doc_id': value 'a' stands in rows 1, 3"),
        ([note("a"), note(None)], {}, "row 2, column 'doc_id': value None, expected a value"),  # type: ignore[arg-type]
        ([note("a", lang="fr")], {}, "row 1, column 'lang': value 'fr', expected one of en, zh, mixed, other"),
        ([note("a", part="dev")], {"split": "part"}, "row 1, column 'part': value 'dev', expected one of train, valid, test"),
        ([note("a")], {"text_column": "txt"}, "no column 'txt' (did you mean 'text'?); corpora.notes.text_column names it"),
        ([note("a")], {"columns": {"kind": "kinds"}}, "no column 'kinds' (did you mean 'kind'?)"),
        ([note("a")], {"lang": "language"}, "or states the language: one of en, zh"),
        ([], {}, "corpus 'notes' is empty"),
    ],
)  # fmt: skip
def test_what_stops_ingest_is_named(
    tmp_path: Path, rows: list[dict[str, Any]], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as error:
        run(tmp_path, rows, **settings)
    assert "notes.jsonl" in str(error.value)
    assert message in str(error.value)
    assert not (tmp_path / "documents" / "_parts.json").exists()
