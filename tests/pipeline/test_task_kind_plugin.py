"""A task kind is one file a room: kinds are named in per-kind modules alone, and a package outside the project can add one."""

import ast
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml

from mgm.tasks import TASK_KINDS

ROOT = Path(__file__).parents[2]
KINDS = set(TASK_KINDS)
# also the name of a section of settings, of a folder and of a flow
AMBIGUOUS = {"generation"}


def kind_literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and value of each string that names a kind; an ambiguous one only where it is compared or keys a mapping."""
    compared: set[int] = set()
    exported: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                compared |= {id(child) for child in ast.walk(node)}
            case ast.Dict():
                compared |= {id(key) for key in node.keys if key is not None}
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                exported |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node.value not in KINDS or id(node) in exported:
            continue
        if node.value not in AMBIGUOUS or id(node) in compared:
            yield node.lineno, str(node.value)


def test_kinds_are_named_in_their_modules_alone() -> None:
    files = [file for room in ("mgm", "flows") for file in sorted((ROOT / room).rglob("*.py"))]
    named = [
        f"{file.relative_to(ROOT)}:{line}: {kind}"
        for file in files
        if file.stem not in KINDS
        for line, kind in kind_literals(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert not named, "\n".join(named)


SETTINGS = {
    "enabled": {"reviews": "reviews.jsonl"},
    "corpora": {"reviews": {}},
    "tasks": {"stars": {"kind": "ordinal", "corpora": ["reviews"]}},
    "gates": {"tasks": {}},
    "text": {
        "deduplication": {"exact": "off", "near": "off"},
        "features": {"min_count": 1, "ngram_buckets": 200},
    },
    "model": {"preset": "fast", "width": 8, "fusion_width": 8, "wide": {"buckets": 256}},
    "train": {"epochs": 3, "tokens_per_batch": 400, "learning_rate": 0.05, "threads": 1},
    "evaluate": {"splits": ["valid", "test"], "bootstrap": 20},
    "explain": {"documents": 10, "bootstrap": 5, "faithfulness": 2, "cost_documents": 4},
    "verdict": {"floors": {"stars": 0.0}, "smoke_repeats": 1, "smoke_documents": 4},
}
WORDS = {"1-poor": "The film is bad.", "2-fair": "The film is watchable.", "3-good": "The film is good."}


def write_project(root: Path) -> None:
    """Write a project of one corpus with a task of the kind `ordinal`."""
    (root / "params.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    rows = [
        {"doc_id": f"r{i}", "text": f"{text} I saw it {i} times.", "lang": "en", "stars": stars}
        for i, (stars, text) in enumerate(list(WORDS.items()) * 40)
    ]
    for name, columns in (("reviews", ("doc_id", "text", "lang", "stars")), ("night", ("doc_id", "text"))):
        lines = [json.dumps({column: row[column] for column in columns}) for row in rows]
        (root / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_a_package_adds_a_kind_from_jsonl_to_a_scored_night(commands: Path, tmp_path: Path) -> None:
    """The package is found by its entry point; no file of the project knows of its kind."""
    write_project(tmp_path)
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "kinds")])
    done = subprocess.run(
        [
            str(commands / "python"),
            str(ROOT / "tests" / "kinds" / "run_project.py"),
            "reviews",
            "night.jsonl",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    metrics = json.loads((tmp_path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert metrics["stars"]["kind"] == "ordinal"
    assert metrics["stars"]["accuracy"] > 0.8
    assert "stars" in (tmp_path / "reports/report.html").read_text(encoding="utf-8")
    night = pl.read_delta(str(tmp_path / "data/scored/predictions"))
    assert night.height == 120
    assert set(night["stars"]) <= set(WORDS)
