"""Distillation through real DVC, from features on: teachers, the lines to set, and what becomes stale of them."""

import json
import re
from pathlib import Path

import pytest
import yaml

from mgm.corpus.parts import write_manifest
from mgm.text import labels
from mgm.text.feature_tables import write_feature_part
from tests import tiny_corpora
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow

STAGES = ("corpora", "vectors", "encode", "pretrain", "teachers")


def ran(output: str) -> list[str]:
    return re.findall(r"Running stage '([^']+)'", output)


@pytest.fixture
def project(fresh: Project, tmp_path: Path) -> Project:
    """The project as it stands after the gate of the features, without the stages that make them."""
    project = fresh.copy_to(tmp_path / "project")
    features, vocabulary, spaces = tiny_corpora.prepared(tiny_corpora.settings(), tiny_corpora.corpora())
    folder = project.root / "data" / "features"
    for corpus, (part,) in features.items():
        features_folder = folder / corpus
        write_manifest(features_folder, [write_feature_part(part, features_folder, index=0, input_sha256="")])
    vocabulary.save(folder / "vocabulary.parquet")
    labels.save(spaces, folder / "labels.json")
    verdict = project.root / "reports" / "gates" / "features.json"
    verdict.parent.mkdir(parents=True)
    verdict.write_text("{}", encoding="utf-8")
    graph = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))
    kept = {"stages": {name: graph["stages"][name] for name in STAGES}}
    kept["stages"]["gate_features"] = {"cmd": "echo well > ended.txt", "outs": ["ended.txt"]}
    (project.root / "dvc.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    project.edit(lambda params: params["train"].update(epochs=2))
    return project


def test_teachers_are_trained_once(project: Project) -> None:
    command = ["python", "-m", "flows.distill", "--tasks", "dish", "themes", "--folds", "2"]
    output = project.ok(*command)
    assert sorted(ran(output)) == ["corpora", "encode", "gate_features", "pretrain", "vectors"]
    assert "distill: 4 trainings of one task alone, 0 of them done already" in output
    (block,) = re.findall(r"^distillation:\n(?: .*\n)+", output, re.MULTILINE)
    printed = yaml.safe_load(block)
    files = {task: [f"{task}/single.parquet"] for task in ("dish", "themes")}
    assert printed["distillation"]["teachers"] == files

    assert ran(project.ok("dvc", "repro", "teachers")) == ["teachers"]  # the files lie there, and none is set
    taught = project.root / "data" / "taught" / "taught.json"
    assert json.loads(taught.read_text(encoding="utf-8"))["tasks"] == {}
    output = project.ok(*command, "--apply")  # a student makes no teacher stale
    assert ran(output) == [] and "4 of them done already" in output
    output = project.ok("dvc", "repro", "teachers")
    assert ran(output) == ["teachers"]
    assert re.search(r"teachers dish: 1 files, \d+ training documents, 2 of them without a label", output)
    assert sorted(json.loads(taught.read_text(encoding="utf-8"))["tasks"]) == ["dish", "themes"]

    other = (project.root / "data/teachers/themes/single.parquet").read_bytes()
    (project.root / "data/teachers/dish/single.parquet").write_bytes(other)
    assert "scores of task 'themes', expected those of 'dish'" in project.fails("dvc", "repro", "teachers")
