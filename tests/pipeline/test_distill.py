"""Distillation through real DVC: teachers, the lines to set, the student; and what becomes stale of it."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


def ran(output: str) -> list[str]:
    return re.findall(r"Running stage '([^']+)'", output)


def test_teachers_are_trained_once_and_the_student_learns_from_what_is_set(
    built: Project, tmp_path: Path
) -> None:
    project = built.copy_to(tmp_path / "project")
    command = ["python", "-m", "flows.distill", "--tasks", "dish", "themes"]
    output = project.ok(*command)
    teachers = ["study/dvc.yaml:single@dish", "study/dvc.yaml:single@themes"]
    assert sorted(ran(output)) == teachers
    said = yaml.safe_load(output[output.index("distillation:") :])
    assert said["distillation"]["teachers"]["dish"] == ["dish/single.parquet"]
    # the files are there, and are not used until they are set
    assert ran(project.ok("dvc", "repro", "train")) == ["teachers"]

    project.edit(lambda params: params["distillation"].update(said["distillation"]))
    output = project.ok("dvc", "repro", "verdict")
    assert ran(output)[:2] == ["teachers", "train"]
    assert re.search(r"teachers dish: 1 files, \d+ training documents, \d+ of them without a label", output)
    facts = json.loads((project.root / "data/taught/taught.json").read_text(encoding="utf-8"))
    assert facts["tasks"]["dish"]["unlabelled"] > 0
    config = json.loads((project.root / "models/candidate/config.json").read_text(encoding="utf-8"))
    assert config["settings"]["distillation"]["teachers"] == said["distillation"]["teachers"]
    assert ran(project.ok(*command)) == []  # a student makes no teacher stale

    # other scores make another student
    path = project.root / "data/teachers/dish/single.parquet"
    path.write_bytes((project.root / "data/study/single/themes/scores.parquet").read_bytes())
    assert "scores of task 'themes', expected those of 'dish'" in project.fails("dvc", "repro", "train")
