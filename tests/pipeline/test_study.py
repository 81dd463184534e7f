"""The study through real DVC: what it trains, keeps, compares and shows."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT, Project

pytestmark = pytest.mark.slow


def ran(output: str) -> list[str]:
    return re.findall(r"Running stage '([^']+)'", output)


def read(project: Project, path: str) -> dict[str, dict[str, object]]:
    content: dict[str, dict[str, object]] = json.loads((project.root / path).read_text(encoding="utf-8"))
    return content


def page(project: Project) -> str:
    return (project.root / "reports/report.html").read_text(encoding="utf-8")


def test_variants_are_trained_compared_and_kept(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    assert "not run (study)" in page(project)
    shutil.rmtree(project.root / "data/explanations")  # as in a clone whose first command is the study
    metrics = (project.root / "reports/metrics.json").read_bytes()
    command = ["python", "-m", "flows.study", "--only", "average", "ablations/window"]
    output = project.ok(*command)
    assert (
        "study: 2 trainings with the joint model's settings and budget (average, ablations/window)" in output
    )
    trained = ["study/dvc.yaml:ablations@window", "study/dvc.yaml:average"]
    assert sorted(set(ran(output)) - {"explain", "report"}) == [*trained, "study/dvc.yaml:gain"]
    assert ran(output)[-2:] == ["study/dvc.yaml:gain", "report"]
    content = read(project, "reports/study/gain.json")
    assert set(content["differences"]) == {"average", "ablations/window"}
    for differences in content["differences"].values():
        assert isinstance(differences, dict)
        assert set(differences) == {"dish", "keys", "price", "themes"}
    result = read(project, "data/study/ablations/window/result.json")
    model = result["settings"]["model"]
    assert isinstance(model, dict)
    assert model["window"]["enabled"] is False
    assert model["sentence"]["enabled"] is True
    assert "without window" in page(project)

    assert ran(project.ok(*command)) == ["report"]
    output = project.ok("python", "-m", "flows.study", "--only", "single/dish")
    assert ran(output) == ["study/dvc.yaml:single@dish", "study/dvc.yaml:gain", "report"]
    content = read(project, "reports/study/gain.json")
    assert set(content["gain"]) == {"dish"}
    assert set(content["differences"]) == {"average", "ablations/window", "single/dish"}
    assert "mean of 1 of 4 tasks" in page(project)
    project.ok("python", str(ROOT / "benchmarks/study.py"))
    results = json.loads((project.root / "benchmarks/results/study.json").read_text(encoding="utf-8"))
    results = results["bundles"]["menus+verses"]
    assert results["gain"] == content["gain"] and results["differences"] == content["differences"]
    assert results["preset"] == "full" and {"machine", "versions", "revision"} <= set(results)
    assert (project.root / "reports/metrics.json").read_bytes() == metrics
    assert ran(project.ok("dvc", "repro")) == []

    project.edit(lambda params: params["train"].update(learning_rate=0.01))
    output = project.ok("python", "-m", "flows.study", "--only", "average")
    assert {"train", "evaluate", "study/dvc.yaml:average", "study/dvc.yaml:gain"} <= set(ran(output))
    left_out = read(project, "reports/study/gain.json")["left_out"]
    assert left_out["ablations/window"] == left_out["single/dish"] == "stale: other params.yaml"
    assert "stale: other params.yaml" in page(project)


def test_a_variant_that_the_settings_do_not_have_is_named(built: Project, tmp_path: Path) -> None:
    project = built.copy_to(tmp_path / "project")
    project.edit(lambda params: params["model"].update(paragraph={"enabled": False}))
    output = project.fails("python", "-m", "flows.stages.train_variant", "ablations/paragraph")
    assert "with these settings the study has no 'ablations/paragraph'" in output
