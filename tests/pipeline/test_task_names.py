"""A task may be called like any column of the code: every kind of it is right in every table, in the report and in a night."""

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mgm.corpus.contract import document_schema, enforce, row_contract
from mgm.corpus.parts import read_table
from mgm.evaluation.prediction_table import table_schema
from mgm.model.predict import prediction_schema
from mgm.scoring.delta import with_date
from mgm.tasks import TASK_KINDS, Task, tasks_of
from mgm.tasks.columns import output_names
from mgm.tasks.names import invalid_names
from mgm.tasks.task import TaskSettings
from mgm.text import labels
from mgm.text.segmentation.documents import token_schema

ROOT = Path(__file__).parents[2]


def names_in_code() -> list[str]:
    """Return every string and keyword of mgm and flows that may be the name of a column, sorted."""
    names = {"_row", "name__y", "name_true", "a.b", "情感"}
    for file in (path for room in ("mgm", "flows") for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
    names = {name for name in names if name.isprintable() and len(name) < 25 and len(name.split()) == 1}
    return sorted(names, key=lambda name: (name != name.lower(), name))


def usable(names: list[str]) -> list[str]:
    """Return the names that tasks can have beside one another, those of the code alone and without slashes and the like."""
    broken = {name for name, _ in invalid_names(names)}
    return [name for name in names if name not in broken]


NAMES = usable(names_in_code())
KINDS = sorted(TASK_KINDS)
WORST = ["lang", "group", "split", "_row", "edits", "words", "row", "cluster", "kept", "start", "end", "sentence", "paragraph",
         "content", "word", "corpus", "unknown", "label", "true", "right", "reasons", "true_true", "x__y", "mean", "all"]  # fmt: skip
"""Names that once broke a stage or overwrote a column."""


def test_the_names_of_the_issue_are_among_them() -> None:
    assert {*WORST, "score"} - {"true_true", "x__y", "all"} <= set(NAMES)
    assert {"doc_id", "text", "date"}.isdisjoint(NAMES) and len(NAMES) > 1_000


@pytest.mark.parametrize("shift", range(len(KINDS)), ids=KINDS)
def test_no_column_of_a_table_is_met(shift: int) -> None:
    """Every name with every kind, all in one table: the columns are as many as they should be."""
    tasks = [_task(name, KINDS[(i + shift) % len(KINDS)]) for i, name in enumerate(NAMES)]
    assert list(invalid_names(NAMES)) == []
    documents = document_schema(tasks)
    assert len(documents) == 5 + len(tasks) and list(documents)[:5] == list(document_schema([]))
    assert len(token_schema(documents)) - len(token_schema(document_schema([]))) == len(tasks)
    common, of_one = len(table_schema([])), {kind: len(table_schema([_task("x", kind)])) for kind in KINDS}
    assert len(table_schema(tasks)) == common + sum(of_one[task.kind] - common for task in tasks)
    night = with_date(pl.Schema(dict.fromkeys(output_names(prediction_schema(tasks)).values(), pl.String())))
    assert len({name.casefold() for name in night}) == 1 + len(prediction_schema(tasks))


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression", "tagging"])
def test_rows_of_the_worst_names_are_read_and_encoded(kind: str) -> None:
    value: dict[str, Any] = {"classification": "x", "multilabel": ["x"], "regression": 2.5, "tagging": [{"start": 0, "end": 3, "label": "x"}]}  # fmt: skip
    tasks = [_task(name, kind) for name in [*WORST, "score"]]
    row = {"doc_id": "d", "text": "tea", "lang": "en", "group": "g", "split": "train"}
    row |= {task.columns.label: value[kind] for task in tasks}
    kept, rejected = enforce(pl.DataFrame([row], schema=document_schema(tasks)), row_contract(tasks))
    assert kept.height == 1 and rejected.is_empty()
    tokens = kept.with_columns(
        start=pl.Series([[0]], dtype=pl.List(pl.Int32)), end=pl.Series([[3]], dtype=pl.List(pl.Int32))
    )
    counts = labels.count_labels([tokens], tasks)
    assert all(count == {"x": 1} for count in counts.values())
    encoded = labels.encode(tokens, tasks)
    expected = {"classification": 0, "multilabel": [0], "regression": 2.5, "tagging": [1]}[kind]
    assert [encoded[task.columns.label_ids].to_list()[0] for task in tasks] == [expected] * len(tasks)


def _task(name: str, kind: str) -> Task:
    settings = TaskSettings(kind=kind, corpora=["notes"])
    (task,) = tasks_of({name: settings}, {"notes": None})
    return task.model_copy(update={"labels": ("x",)}) if task.spec.has_label_space else task


ANIMALS = {"cat": "The cat sleeps on the warm roof.", "dog": "A dog barks at the old gate.", "owl": "One owl calls in the dark wood."}  # fmt: skip
LENGTHS = {"cat": 1.0, "dog": 2.0, "owl": 3.0}
MIXED = {
    "score": "regression", "corpus": "regression", "row": "regression", "start": "regression",
    "sentiment": "classification", "sentiment_true": "regression", "true": "classification", "lang": "classification",
    "split": "classification", "group": "multilabel", "words": "multilabel", "label": "multilabel", "kept": "multilabel",
    "right": "classification", "content": "tagging", "word": "tagging", "end": "tagging", "sentence": "generation",
    "unknown": "regression", "reasons": "multilabel", "_row": "classification", "edits": "classification",
    "cluster": "regression", "paragraph": "tagging", "a.b": "classification", "情感": "classification", "mean": "regression",
}  # fmt: skip
"""The tasks of one project: names that once broke a stage or overwrote a column, of all kinds."""


def write_project(root: Path) -> None:
    """Write a project with one corpus, whose raw columns have other names than the tasks."""
    tasks = {name: {"kind": kind, "corpora": ["notes"]} for name, kind in MIXED.items()}
    settings = {
        "enabled": {"notes": "notes.jsonl"},
        "corpora": {"notes": {"lang": "en", "columns": {name: f"raw {name}" for name in MIXED}}},
        "tasks": tasks,
        "text": {
            "deduplication": {"exact": "off", "near": "off"},
            "features": {"min_count": 1, "ngram_buckets": 200, "subwords": 300},
        },
        "model": {
            "preset": "fast",
            "width": 8,
            "fusion_width": 8,
            "wide": {"buckets": 256},
            "generation": {"width": 16, "heads": 2, "feedforward_width": 16, "encoder_layers": 1, "decoder_layers": 1,
                           "max_source_subwords": 30, "max_length": 4, "beam_size": 1},
        },
        "train": {"epochs": 2, "tokens_per_batch": 400, "learning_rate": 0.05, "threads": 1, "generation": True},
        "evaluate": {"splits": ["valid", "test"], "bootstrap": 5},
        "explain": {"documents": 6, "bootstrap": 2, "faithfulness": 1, "cost_documents": 2},
        "verdict": {"floors": {"score": -1.0}, "smoke_repeats": 1, "smoke_documents": 4},
    }  # fmt: skip
    (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    rows = [_row(i, animal) for i, animal in enumerate(list(ANIMALS) * 26)]
    for name, columns in (("notes", list(rows[0])), ("night", ["doc_id", "text"])):
        lines = [json.dumps({column: row[column] for column in columns}) for row in rows]
        (root / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _row(i: int, animal: str) -> dict[str, Any]:
    text = f"{ANIMALS[animal]} I saw it {i} times."
    start = text.index(animal)
    of_kind = {
        "classification": animal,
        "multilabel": [animal],
        "regression": LENGTHS[animal],
        "tagging": [{"start": start, "end": start + 3, "label": "animal"}],
        "generation": animal,
    }
    return {"doc_id": f"r{i}", "text": text} | {f"raw {name}": of_kind[kind] for name, kind in MIXED.items()}


@pytest.mark.slow
def test_the_whole_pipeline_and_a_night_are_right(commands: Path, tmp_path: Path) -> None:
    write_project(tmp_path)
    done = subprocess.run(
        [str(commands / "python"), str(ROOT / "tests" / "kinds" / "run_project.py"), "notes", "night.jsonl"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    predictions = read_table(tmp_path / "data" / "predictions" / "notes")
    truth = pl.Series([LENGTHS[_animal(doc_id)] for doc_id in predictions["doc_id"]])
    animals = [_animal(doc_id) for doc_id in predictions["doc_id"]]
    metrics = json.loads((tmp_path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert set(metrics) == set(MIXED)
    for name, kind in MIXED.items():
        labelled = predictions[f"label:{name}"].to_list()
        if kind == "regression":
            assert labelled == truth.to_list()
            assert (predictions[f"prediction:{name}"] - truth).abs().mean() < 1
            test = predictions.filter(pl.col("split") == "test")
            error = (test[f"prediction:{name}"] - test[f"label:{name}"]).abs().mean()
            assert metrics[name]["mae"] == pytest.approx(error, abs=1e-3)
        elif kind == "classification":
            assert labelled == animals and metrics[name]["accuracy"] > 0.8
    night = pl.read_delta(str(tmp_path / "data/scored/predictions"))
    expected = {"date", "doc_id", *(name for name in MIXED if MIXED[name] != "generation")}
    with_scores = [name for name, kind in MIXED.items() if kind in ("classification", "multilabel")]
    expected |= {f"{name}_score" for name in with_scores}
    calibrated = [f"{name}_calibrated" for name in with_scores]
    assert set(night.columns) == expected | {*calibrated} and night.height == len(ANIMALS) * 26
    assert not night.select(pl.any_horizontal(calibrated)).to_series().any()
    both = predictions.join(night, on="doc_id", suffix=" of night")
    assert both.height == predictions.height
    for name in expected - {"date", "doc_id"}:
        inner = f"prediction:{name}" if name in MIXED else f"score:{name.removesuffix('_score')}"
        of_night = both[f"{name} of night" if f"{name} of night" in both.columns else name]
        if of_night.dtype == pl.Float32:
            assert (of_night - both[inner]).abs().max() < 1e-3, name
        elif not of_night.dtype.is_nested():
            assert of_night.equals(both[inner].alias(of_night.name)), name
    page = (tmp_path / "reports/report.html").read_text(encoding="utf-8")
    assert all(f'id="task-{name}"' in page for name in MIXED)


def _animal(doc_id: str) -> str:
    return list(ANIMALS)[int(doc_id[1:]) % 3]
