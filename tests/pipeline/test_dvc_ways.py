"""DVC's own ways: an experiment in a workspace of its own, its comparison, and a clone that pulls all from a remote."""

import json
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


def _champion(project: Project) -> str:
    return str(json.loads((project.root / "models/champion.json").read_text(encoding="utf-8"))["bundle"])


def test_a_queued_experiment_is_applied_promoted_pushed_and_pulled(built: Project, tmp_path: Path) -> None:
    """One project from the first champion to a clone on another machine, which goes back to it."""
    project = built.copy_to(tmp_path / "project")
    project.ok("git", "config", "user.name", "a")
    project.ok("git", "config", "user.email", "a@example.org")
    project.ok("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    project.ok("mgm", "promote")
    first = _champion(project)
    project.commit("the first champion")

    settings = ("train.epochs=1", "+verdict.noninferiority_margin=1.0", "verdict.floors.dish=0.0")
    project.ok("dvc", "exp", "run", "--queue", "--name", "shorter", *[f"-S{s}" for s in settings])
    project.ok("dvc", "exp", "run", "--run-all")
    assert "shorter" in project.ok("dvc", "exp", "list")
    (run,) = json.loads(project.run("dvc", "exp", "show", "--json").stdout)[-1]["experiments"]
    assert run["revs"][-1]["data"]["params"]["params.yaml"]["data"]["train"]["epochs"] == 1
    project.ok("dvc", "exp", "apply", "shorter")
    # the champion was there to be compared with, though its bundle lay in DVC's cache alone
    verdict = json.loads((project.root / "reports/promotion.json").read_text(encoding="utf-8"))
    assert verdict["champion"] == first
    assert not [check for check in verdict["checks"] if check["check"] == "champion" and not check["passed"]]

    changed = [line.split()[1:] for line in project.ok("dvc", "params", "diff").splitlines()]
    assert ["train.epochs", "2", "1"] in changed
    compared = project.ok("dvc", "metrics", "diff")
    assert {line.split()[0] for line in compared.splitlines()[1:]} <= {"reports/metrics.json"}
    assert "failed" not in compared
    project.ok("dvc", "plots", "diff", "HEAD")
    page = (project.root / "dvc_plots/index.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("HEAD", "workspace", "confusion", "reliability", "valid"))

    project.ok("mgm", "promote")
    second = _champion(project)
    assert second != first
    project.commit("the second champion")
    project.ok("dvc", "push")
    project.ok("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", project.commands)
    clone.ok("dvc", "pull")
    assert clone.ok("dvc", "status", "dvc.yaml").strip() == "Data and pipelines are up to date."
    assert _champion(clone) == second
    clone.ok("mgm", "rollback")
    assert _champion(clone) == first
