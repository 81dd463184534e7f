"""Corrections replace labels by id, add documents, and are refused or rejected where they do not fit."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from mgm.corpus.corrections.layer import count_changes
from mgm.corpus.corrections.read import correction_files
from mgm.corpus.ingest import Ingested, ingest
from mgm.corpus.parts import read_table
from mgm.corpus.raw_corpus import RawCorpus
from mgm.settings.corpora import CorpusSettings, IngestSettings
from mgm.tasks import Task

TASKS = [
    Task(name="grade", kind="regression", corpora=["notes"]),
    Task(name="kind", kind="classification", corpora=["notes"]),
    Task(name="names", kind="tagging", corpora=["notes"]),
    Task(name="tags", kind="multilabel", corpora=["notes"]),
]
ROWS = [
    {"doc_id": "a", "text": "你好 Ann", "kind": "greeting", "grade": 1.0, "tags": ["x"], "names": []},
    {"doc_id": "b", "text": "Ann left.", "kind": "greeting", "grade": 2.0, "tags": [], "names": None},
    {"doc_id": "c", "text": "Why?\r\nNow.", "kind": None, "grade": None, "tags": ["y"], "names": None},
    {"doc_id": "d", "text": "Bye!", "kind": "farewell", "grade": 3.0, "tags": ["x"], "names": [{"start": 0, "end": 3, "label": "PER"}]},
]  # fmt: skip
PLACE = Path("data/corrections/notes")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    PLACE.mkdir(parents=True)
    return tmp_path


def write(name: str, rows: list[dict[str, Any]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (PLACE / name).write_text("".join(lines), encoding="utf-8")


def run(
    rows: list[dict[str, Any]] = ROWS, *, tasks: list[Task] = TASKS, **settings: Any
) -> tuple[dict[str, dict[str, Any]], pl.DataFrame, Ingested]:
    """Ingests; returns the documents by id, the rejects, and the result."""
    source = Path("notes.jsonl")
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    result = ingest(
        RawCorpus(
            name="notes",
            source=source,
            settings=CorpusSettings(**({"lang": "mixed", "corrections": str(PLACE)} | settings)),
            tasks=tasks,
            part_size=IngestSettings(rows_per_part=2),
            detect_languages=lambda texts: pl.Series(["detected"] * len(texts)),
        ),
        documents=Path("documents"),
        rejects=Path("rejects"),
    )
    documents = read_table(Path("documents"))
    return {row["doc_id"]: row for row in documents.to_dicts()}, read_table(Path("rejects")), result


def test_labels_are_replaced_by_id_and_counted() -> None:
    """Other tasks and documents keep their labels; what is empty is no correction."""
    write("1.jsonl", [
        {"doc_id": "b", "text": "Ann left.", "kind": "farewell", "names": [{"start": 0, "end": 3, "label": "PER"}]},
        {"doc_id": "d", "text": "Bye!", "kind": "farewell"},
        {"doc_id": "c", "text": "Why?\nNow.", "kind": "farewell"},
        {"doc_id": "a", "text": "你好 Ann", "kind": None},
    ])  # fmt: skip
    documents, rejects, result = run()
    assert [documents[i]["label:kind"] for i in "abcd"] == ["greeting", "farewell", "farewell", "farewell"]
    assert documents["b"]["label:names"] == [{"start": 0, "end": 3, "label": "PER"}]
    assert documents["b"]["label:grade"] == 2.0 and list(documents) == ["a", "b", "c", "d"]
    assert rejects.is_empty() and result.counts.rows_in == 4
    assert result.corrections is not None
    assert result.corrections["labels"]["kind"] == {"changed": 1, "confirmed": 1, "first": 1}
    assert result.corrections["labels"]["names"] == {"first": 1}


def test_a_later_file_wins_and_csv_is_read_as_the_corpus_is() -> None:
    write("2026-01-01.jsonl", [{"doc_id": "a", "kind": "farewell", "tags": ["y"]}])
    (PLACE / "2026-01-02.csv").write_text('doc_id,kind,tags\na,greeting,\nd,,"[""y""]"\n', encoding="utf-8")
    (PLACE / "notes.md").write_text("By Ann.\n", encoding="utf-8")
    (PLACE / "old.dvc").write_text("outs: []\n", encoding="utf-8")
    documents, _, _ = run()
    assert documents["a"]["label:kind"] == "greeting" and documents["a"]["label:tags"] == ["y"]
    assert documents["d"]["label:tags"] == ["y"] and documents["d"]["label:kind"] == "farewell"


def test_the_export_of_label_studio() -> None:
    """Only what annotators submitted counts, not the predictions that they saw."""

    def of(doc_id: str, text: str, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"id": 7, "data": {"doc_id": doc_id, "text": text}, "annotations": [{"result": list(results), **more}],
                "predictions": [{"result": [{"from_name": "kind", "type": "choices", "value": {"choices": ["greeting"]}}]}]}  # fmt: skip

    chosen = {"from_name": "kind", "type": "choices", "value": {"choices": ["farewell"]}}
    span = {"from_name": "names", "type": "labels", "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}}  # fmt: skip
    number = {"from_name": "grade", "type": "number", "value": {"number": 5}}
    tags = {"from_name": "tags", "type": "choices", "value": {"choices": ["x", "y"]}}
    tasks = [
        of("b", "Ann left.", chosen, span, number, tags),
        of("c", "Why?\r\nNow.", was_cancelled=True),
    ]
    (PLACE / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    documents, rejects, _ = run()
    b = documents["b"]
    assert (b["label:kind"], b["label:grade"], b["label:tags"]) == ("farewell", 5.0, ["x", "y"])
    assert b["label:names"] == [{"start": 0, "end": 3, "label": "PER"}]
    assert documents["c"]["label:kind"] is None and rejects.is_empty()


def test_doccano_keeps_the_id_and_needs_one_task() -> None:
    write("doccano.jsonl", [{"id": 3, "doc_id": "a", "text": "你好 Ann", "label": ["farewell"]}])
    documents, _, _ = run(tasks=[TASKS[1]])
    assert documents["a"]["label:kind"] == "farewell"
    with pytest.raises(ValueError, match=r"doccano\.jsonl: no column of a task of this corpus \(grade, kind"):
        run()


def test_unknown_ids_with_a_text_are_new_documents() -> None:
    write("night.jsonl", [{"doc_id": "n1", "text": "Hello there", "kind": "greeting"}, {"doc_id": "n2", "kind": "greeting"}])  # fmt: skip
    documents, rejects, result = run()
    new = documents["n1"]
    assert (new["label:kind"], new["lang"], new["group"]) == ("greeting", "mixed", "n1")
    assert rejects.select("doc_id", "stage", "reasons").rows() == [("n2", "ingest", ["correction_unknown"])]
    assert (result.counts.rows_in, result.counts.rows_out, result.counts.rejected) == (6, 5, 1)
    assert result.corrections is not None
    assert (result.corrections["added"], result.corrections["rejected"]) == (1, {"correction_unknown": 1})


def test_new_documents_have_a_language_as_the_others_do() -> None:
    """In a corpus with a column of languages they are detected, since its gate lets none be missing."""
    write("night.jsonl", [{"doc_id": "n1", "text": "Hello there", "kind": "greeting"}])
    rows = [row | {"language": "zh"} for row in ROWS]
    documents, _, _ = run(rows, lang="language")
    assert documents["n1"]["lang"] == "detected" and documents["a"]["lang"] == "zh"
    documents, _, _ = run(lang="detect")
    assert documents["n1"]["lang"] is None


def test_new_documents_stay_out_of_splits_that_the_corpus_brings() -> None:
    splits = ["test", "valid", "train", "test"]
    rows = [row | {"split": split} for row, split in zip(ROWS, splits, strict=True)]
    write("night.jsonl", [{"doc_id": f"n{i}", "text": f"Hello {i}", "kind": "greeting"} for i in range(9)])
    documents, _, _ = run(rows)
    assert {documents[f"n{i}"]["split"] for i in range(9)} == {"train"}


def test_a_correction_of_another_text_is_rejected() -> None:
    write("old.jsonl", [{"doc_id": "a", "text": "你好 Bob", "kind": "farewell"}])
    documents, rejects, result = run()
    assert documents["a"]["label:kind"] == "greeting"
    assert rejects["reasons"].to_list() == [["correction_outdated"]]
    assert "你好 Bob" in rejects["values"][0]
    assert result.corrections is not None and result.corrections["digests"]["kind"] == {}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"doc_id": "a", "kind": "greting"}], r"1\.jsonl: row 1: task 'kind': label 'greting' stands in no document of corpus 'notes'.*did you mean 'greeting'"),
        ([{"doc_id": "a", "tags": ["x", "z"]}], r"row 1: task 'tags': label 'z'"),
        ([{"doc_id": "a", "kind": "greeting"}, {"doc_id": "a", "kind": "farewell"}], r"1\.jsonl: row 2: document 'a' has another label than in .*row 1"),
        ([{"docid": "a", "kind": "greeting"}], r"no column 'doc_id' \(did you mean 'docid'"),
        ([{"doc_id": None, "kind": "greeting"}], r"row 1, column 'doc_id': no value"),
        ([{"doc_id": "a", "text": "t"}], r"no column of a task of this corpus"),
        ([{"doc_id": "a", "grade": "much"}], r"grade"),
    ],
    ids=["misspelt class", "unknown label", "twice", "no id column", "no id", "no task", "no number"],
)  # fmt: skip
def test_wrong_files_stop_with_their_place(rows: list[dict[str, Any]], says: str) -> None:
    write("1.jsonl", rows)
    with pytest.raises(ValueError, match=says):
        run()


def test_other_files_and_places(folder: Path) -> None:
    with pytest.raises(ValueError, match="holds no files"):
        correction_files(PLACE)
    (PLACE / "a.conll").write_text("Ann B-PER\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.conll: unknown format of corrections"):
        run()
    for place in ("corrections/notes", "data/corrections", "data/corrections/../notes"):
        with pytest.raises(ValidationError, match="expected a file or folder in data/corrections"):
            CorpusSettings(corrections=place)


def test_changes_since_other_corrections() -> None:
    """Made, changed and withdrawn ones count; the same ones do not."""
    before = {"kind": {"a": "1", "b": "2", "c": "3"}}
    assert count_changes({"kind": {"a": "1", "b": "9", "d": "4"}}, before) == {"kind": 3}
    assert count_changes(before, before) == {"kind": 0} and count_changes({}, {}) == {}
