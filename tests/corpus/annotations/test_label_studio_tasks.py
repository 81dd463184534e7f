"""Tasks for Label Studio: what they hold comes back with offsets in code points."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from mgm.corpus.annotations import ImportOptions, import_annotations
from mgm.corpus.annotations.label_studio_tasks import Suggestion, label_studio_task, labelling_interface
from mgm.tasks import Task

KEYS = Task(name="keys", kind="tagging", corpora=["c"])
ROLE = Task(name="role", kind="classification", corpora=["c"])
TEXT = "👩‍🍳 Press\r\nEnter，按回车键。"
SPAN = {"start": TEXT.index("Enter"), "end": TEXT.index("Enter") + 5, "label": "key", "score": 0.5}


def suggestion(predicted: Any, score: float | None = None) -> Suggestion:
    return Suggestion(doc_id="d 1", text=TEXT, predicted=predicted, score=score, about={"reason": "doubt"})


def test_spans_are_counted_as_browsers_do() -> None:
    """An emoji is several UTF-16 units, and a Windows line break one character."""
    made = label_studio_task(suggestion([SPAN]), KEYS, model="mgm abc")
    (prediction,) = made["predictions"]
    value = prediction["result"][0]["value"]
    assert value["text"] == "Enter" and value["start"] == SPAN["start"] + 2 - 1
    assert made["data"] == {"doc_id": "d 1", "text": TEXT} and made["meta"] == {"reason": "doubt"}


def test_submitted_predictions_are_labels(tmp_path: Path) -> None:
    made = [
        label_studio_task(suggestion([SPAN]), KEYS, model="mgm abc"),
        label_studio_task(suggestion("editor", 0.75), ROLE, model="mgm abc"),
    ]
    assert made[1]["predictions"][0]["score"] == 0.75
    made[1]["data"]["doc_id"] = "d 2"
    for number, task in enumerate(made):
        task |= {"id": number, "annotations": [{"result": task["predictions"][0]["result"]}]}
    (tmp_path / "export.json").write_text(json.dumps(made), encoding="utf-8")
    import_annotations("label-studio", [tmp_path / "export.json"], output=tmp_path / "c.parquet", options=ImportOptions())  # fmt: skip
    back = pl.read_parquet(tmp_path / "c.parquet")
    assert back["doc_id"].to_list() == ["d 1", "d 2"] and back["role"].to_list() == [None, "editor"]
    assert back["keys"].to_list()[0] == [{"start": SPAN["start"], "end": SPAN["end"], "label": "key"}]


def test_json_min_keeps_the_id_too(tmp_path: Path) -> None:
    record = {"id": 9, "doc_id": "d 1", "text": TEXT, "role": "editor", "annotation_id": 1}
    (tmp_path / "min.json").write_text(json.dumps([record]), encoding="utf-8")
    import_annotations("label-studio", [tmp_path / "min.json"], output=tmp_path / "c.parquet", options=ImportOptions())  # fmt: skip
    assert pl.read_parquet(tmp_path / "c.parquet").to_dicts() == [{"doc_id": "d 1", "text": TEXT, "role": "editor"}]  # fmt: skip


def test_nothing_predicted_and_empty_sets() -> None:
    themes = Task(name="themes", kind="multilabel", corpora=["c"])
    assert "predictions" not in label_studio_task(suggestion(None), themes, model="m")
    assert label_studio_task(suggestion([]), themes, model="m")["predictions"][0]["result"] == []


def test_labels_with_marks_of_xml() -> None:
    view = labelling_interface(ROLE, ["a & b", '"c" <d>'])
    assert 'value="a &amp; b"' in view and "&quot;c&quot; &lt;d&gt;" in view
    assert 'choice="single"' in view and '<Text name="text" value="$text" />' in view
