"""A small finished run in a folder: four tasks, two corpora, every file that a report reads."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from mgm.corpus.parts import PartsWriter
from mgm.corpus.statistics import Statistics
from mgm.evaluation.details import details
from mgm.evaluation.run_files import STAGES, RunFiles
from mgm.evaluation.summary import summarize
from mgm.evaluation.verdict import floor_checks, judge
from mgm.model.heads.tagging import PREDICTED_SPAN
from mgm.settings.settings import Settings
from mgm.tasks import with_label_spaces
from tests.explanation_files import write_explanations

ROWS = 120
PARAMS: dict[str, Any] = {
    "enabled": {"pages": "data/pages.parquet", "poems": "data/poems.parquet"},
    "corpora": {"pages": {}, "poems": {}, "dormant": {}},
    "tasks": {
        "module": {"kind": "classification", "corpora": ["pages"]},
        "ui_terms": {"kind": "tagging", "corpora": ["pages"]},
        "themes": {"kind": "multilabel", "corpora": ["poems"]},
        "valence": {"kind": "regression", "corpora": ["poems"]},
        "title": {"kind": "generation", "corpora": ["pages"]},
        "asleep": {"kind": "classification", "corpora": ["dormant"]},
    },
    "verdict": {"floors": {"module": 0.3}},
}
SPACES = {
    "module": ["calc", "draw", "writer"],
    "ui_terms": ["literal", "menuitem"],
    "themes": [f"题材{i:02d}" for i in range(18)],
}
ENGLISH = "Choose <b>Insert & Table</b>. The menu opens a dialog with every option of the selected table. "
CHINESE = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"


@pytest.fixture
def finished_run(tmp_path: Path, finished_run_folder: Path) -> RunFiles:
    """Return the run_files of a copy of the run: every file that a report reads exists, apart from the study's."""
    shutil.copytree(finished_run_folder, tmp_path, dirs_exist_ok=True)
    return RunFiles(tmp_path, Settings.load(tmp_path / "params.yaml"))


@pytest.fixture(scope="session")
def finished_run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the run, which tests copy."""
    folder = tmp_path_factory.mktemp("finished_run")
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    settings = Settings.load(folder / "params.yaml")
    generator = np.random.default_rng(0)
    predictions = {"pages": pages(generator), "poems": poems(generator)}
    tasks = with_label_spaces(settings.active_tasks(), SPACES)
    splits = {
        split: {
            task.name: predictions[task.corpora[0]]
            .filter(pl.col("split") == split)
            .with_columns(corpus=pl.lit(task.corpora[0]))
            for task in tasks
        }
        for split in ("test", "valid")
    }
    train = {name: frame[f"label:{name}"] for name, frame in splits["test"].items()}
    metrics = {
        task.name: summarize(splits["test"][task.name], train[task.name], task=task, resamples=100, seed=1)
        for task in tasks
    }
    evaluate = settings.evaluate.model_copy(update={"bootstrap": 100})
    found = details(tasks, **splits, train_labels=train, settings=evaluate, seed=1)
    for name, content in found.items():
        write(folder / "reports" / "evaluation" / f"{name}.json", content)
    for corpus, frame in predictions.items():
        write_table(folder / "data" / "predictions" / corpus, frame)
        text = pl.when(pl.col("lang") == "en").then(pl.lit(ENGLISH * 5)).otherwise(pl.lit(CHINESE * 12))
        write_table(folder / "data" / "documents" / corpus, frame.select("doc_id", text=text))
        for stage in STAGES:
            counts = {"rows_in": 130, "rows_out": 120, "rejected": 10, "reasons": {"text_too_short": 10}}
            measured = stage_statistics(stage, corpus, generator)
            write(folder / "reports" / "stages" / stage / f"{corpus}.json", counts | measured)
        for gate in ("ingest", "clean"):
            write(folder / "reports" / "gates" / gate / f"{corpus}.json", verdict(gate, corpus))
    write(folder / "reports" / "gates" / "features.json", verdict("features", None))
    write(folder / "reports" / "stages" / "features.json", features_statistics())
    write(
        folder / "reports" / "stages" / "vectors.json",
        {"source": "train", "algorithm": "word2vec", "coverage": 0.9876, "dimensions": 128, "words": 4267},
    )
    write(folder / "data" / "predictions" / "labels.json", SPACES)
    write(folder / "reports" / "metrics.json", metrics)
    write_explanations(folder)
    measured = {"documents": 8, "p50_ms": 1.25, "p95_ms": 2.5, "peak_mib": 1234.5, "threads": 1}
    checks = floor_checks(metrics, floors=settings.verdict.floors, active=settings.verdict.floors)
    write(
        folder / "reports" / "promotion.json",
        judge("abcdef0123456789", None, checks=checks, measured=measured),
    )
    write(
        folder / "reports" / "training.json",
        {"seconds": 12.5, "parameters": 1234, "epochs": [1, 2], "versions": {"torch": "2.13.0"}},
    )
    for name, scale in {
        "loss/module": 2.0,
        "loss/themes": 1.1,
        "valid/module": 0.4,
        "valid/themes": 0.3,
    }.items():
        path = folder / "reports" / "live" / "plots" / "metrics" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"{i}\t{scale / (i + 1) if 'loss' in name else scale * (1 - 0.5**i)}" for i in range(6)]
        path.write_text("\n".join([f"step\t{path.stem}", *rows]) + "\n", encoding="utf-8")
    return folder


def stage_statistics(stage: str, corpus: str, generator: np.random.Generator) -> dict[str, Any]:
    """What the stage measured of 120 documents, in the shape in which stages write it."""
    counted = Statistics()
    characters = pl.Series(
        np.exp(generator.normal(7 if corpus == "pages" else 4, 1.2, ROWS)).astype(np.int64)
    )
    if stage in ("ingest", "clean"):
        counted.count("characters", int(characters.sum()))
        counted.measure("characters_per_document", characters)
    if stage == "clean":
        counted.count("edited", 57)
        steps = {"mojibake": 0, "control_characters": 3, "whitespace": 55} | (
            {"html": 6} if corpus == "pages" else {}
        )
        for step, n in steps.items():
            counted.count(f"steps/{step}", n)
        for language, n in {"en": 79, "zh": 38, "mixed": 3, "other": 0}.items():
            counted.count(f"languages/{language}", n)
        counted.count("language_disagrees", 4)
    if stage == "deduplicate":
        for name, n in {"clusters": 11, "exact_copies": 9, "near_copies": 5, "moved": 2}.items():
            counted.count(name, n)
        task = "module" if corpus == "pages" else "themes"
        counted.count(f"conflicts/{task}", 1)
        counted.count(f"labels_lost/{task}", 3)
        ids = [f"{corpus}/000", f"{corpus}/001"]
        labels = ["<i>calc", "draw"] if corpus == "pages" else [["题材01", "题材02"], []]
        return counted.result() | {"examples": [{"task": task, "doc_ids": ids, "labels": labels}]}
    if stage == "tokenize":
        for name, size in {"words": 5, "sentences": 80}.items():
            counted.count(name, int((characters // size).sum()))
            counted.measure(f"{name}_per_document", characters // size)
        counted.count("paragraphs", 345)
    if stage == "stopwords":
        counted.count("words", 20_000)
        counted.count("content_words", 11_000)
        derived = ["click", "the <b>", "表格"] if corpus == "pages" else []
        counted.count("derived_stopwords", len(derived) and 5)
        return counted.result() | {"derived": derived}
    return counted.result()


def features_statistics() -> dict[str, Any]:
    unknown = {"train": 0.0, "valid": 0.0488, "test": 0.0512}
    return {
        "vocabulary_words": 4321,
        "corpora": {c: {"unknown_words": unknown, "distinct_words": 9876} for c in ("pages", "poems")},
        "labels": {"module": {"train": {"calc": 70, "draw": 31}, "test": {"calc": 9}}},
        "top_words": {
            "module": {"calc": [["cell", 12.345], ["<td>", 9.1]], "draw": [["layer", 7.0]], "base": []},
            "themes": {"题材00": [["明月", 5.5], ["霜", 4.25]]},
        },
    }


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def write_table(folder: Path, frame: pl.DataFrame) -> None:
    with PartsWriter(folder, frame.schema) as writer:
        for start in range(0, frame.height, 50):
            writer.write(frame[start : start + 50])


def verdict(gate: str, corpus: str | None) -> dict[str, Any]:
    finding = {
        "expectation": "expect_column_values_to_be_unique",
        "column": "text_hash",
        "observed": "3 of 130 rows",
        "threshold": "mostly 1.0",
    }
    warnings = [finding] if gate == "clean" else []
    return {"gate": gate, "corpus": corpus, "passed": True, "checks": 9, "warnings": warnings, "failures": []}


def keys(corpus: str) -> dict[str, Any]:
    return {
        "doc_id": [f"{corpus}/{i:03d}" for i in range(ROWS)],
        "group": [f"{corpus}{i // 2}" for i in range(ROWS)],
        "lang": ["en" if i % 3 else "zh" for i in range(ROWS)] if corpus == "pages" else ["zh"] * ROWS,
        "split": ["test" if i % 4 else "valid" for i in range(ROWS)],
        "words": pl.Series([10 + i % 50 for i in range(ROWS)], dtype=pl.Int32),
        "unknown": pl.Series([(i % 7) / 10 for i in range(ROWS)], dtype=pl.Float32),
    }


def pages(generator: np.random.Generator) -> pl.DataFrame:
    true = generator.choice([*SPACES["module"], "base"], ROWS, p=[0.4, 0.2, 0.37, 0.03])
    said = np.where(generator.random(ROWS) < 0.6, true, generator.choice(SPACES["module"], ROWS))
    said = np.where(said == "base", "calc", said)
    start = generator.integers(0, 40, ROWS)
    gold = [[{"start": s, "end": s + 6, "label": "menuitem"}] for s in start.tolist()]
    shift = generator.integers(0, 2, ROWS).tolist()
    spans = [
        [{"start": s + d, "end": s + 6, "label": "menuitem", "score": 0.5 + s / 100}]
        for s, d in zip(start.tolist(), shift, strict=True)
    ]
    return pl.DataFrame(
        {
            **keys("pages"),
            "prediction:module": said,
            "score:module": (score := generator.uniform(0.4, 1, ROWS).astype(np.float32)),
            "probs:module": [
                [float(s) if label == said[i] else (1 - float(s)) / 2 for label in SPACES["module"]]
                for i, s in enumerate(score)
            ],
            "label:module": pl.Series(true.tolist()).scatter(0, None),
            "prediction:ui_terms": pl.Series(spans, dtype=pl.List(PREDICTED_SPAN)),
            "label:ui_terms": pl.Series(
                gold, dtype=pl.List(pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String}))
            ),
        }
    )


def poems(generator: np.random.Generator) -> pl.DataFrame:
    true = [sorted(generator.choice(SPACES["themes"], 2, replace=False).tolist()) for _ in range(ROWS)]
    said = [
        t[: int(k)] + (["题材00"] if k == 1 and "题材00" not in t else [])
        for t, k in zip(true, generator.integers(0, 3, ROWS), strict=True)
    ]
    scores = [generator.uniform(0.3, 1, len(s)).tolist() for s in said]
    valence = generator.uniform(-4, 4, ROWS)
    return pl.DataFrame(
        {
            **keys("poems"),
            "prediction:themes": said,
            "score:themes": pl.Series(scores, dtype=pl.List(pl.Float32)),
            "probs:themes": generator.uniform(0, 1, (ROWS, 18)).round(4).tolist(),
            "label:themes": true,
            "prediction:valence": (valence + generator.normal(0, 1, ROWS)).astype(np.float32),
            "label:valence": valence.astype(np.float32),
        }
    )
