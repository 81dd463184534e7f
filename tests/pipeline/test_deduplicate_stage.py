"""The stage between cleaning and its gate, on its own: what it reads, writes and says."""

import json
from pathlib import Path

import polars as pl
import pytest
import yaml

from flows.stages.deduplicate import main
from mgm.corpus.contract import document_schema
from mgm.corpus.parts import PartsWriter, read_table
from mgm.settings.settings import Settings

PARAMS = {
    "enabled": {"notes": "notes.jsonl"},
    "corpora": {"notes": {"text": {"deduplication": {"near": "off"}}}},
    "tasks": {"topic": {"kind": "classification", "corpora": ["notes"]}},
}


def test_documents_rejects_and_statistics_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "flows")
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    schema = document_schema(Settings.load().tasks_for("notes"))
    texts = ["Green tea.", "green tea!", "Black tea.", "红茶。"]
    rows = [
        {
            "doc_id": f"d{i}",
            "text": text,
            "lang": "en",
            "group": f"g{i}",
            "split": "train",
            "label:topic": topic,
        }
        for i, (text, topic) in enumerate(zip(texts, ["leaf", "drink", None, "drink"], strict=True))
    ]
    with PartsWriter(Path("data/clean/notes"), schema) as out:
        out.write(pl.DataFrame(rows, schema=schema))
    main("notes")

    assert read_table(Path("data/unique/notes"))["doc_id"].to_list() == ["d0", "d2", "d3"]
    rejected = read_table(Path("data/rejects/deduplicate/notes"))
    assert rejected.select("doc_id", "stage", "reasons").rows() == [
        ("d1", "deduplicate", ["exact_duplicate"])
    ]
    assert json.loads(Path("reports/stages/deduplicate/notes.json").read_text(encoding="utf-8")) == {
        "rows_in": 4,
        "rows_out": 3,
        "rejected": 1,
        "reasons": {"exact_duplicate": 1},
        "clusters": 1,
        "exact_copies": 1,
        "near_copies": 0,
        "moved": 0,
        "conflicts": {"topic": 1},
        "labels_lost": {"topic": 0},
        "labelled": {"train": 3, "valid": 0, "test": 0},
        "labelled_copies": {"train": 1, "valid": 0, "test": 0},
        "split_overlap": {"exact": 0},
        "split_overlap_ids": {"exact": []},
        "examples": [{"task": "topic", "doc_ids": ["d0", "d1"], "labels": ["leaf", "drink"]}],
    }
    said = "deduplicate notes: 4 rows in, 3 out, 1 rejected, exact_duplicate 1"
    assert said in caplog.messages
