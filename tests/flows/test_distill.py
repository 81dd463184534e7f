"""Cross-fitted teachers that are tasks trained alone, and the settings that use them."""

import copy
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from flows import cli, distill
from flows.teacher_files import params_lines
from flows.training_run import read_features
from mgm.settings.settings import Settings
from mgm.tasks import Task
from mgm.training.fit import Plan
from tests import tiny_corpora
from tests.feature_files import lay

SETTINGS = tiny_corpora.settings()


def raw() -> dict[str, Any]:
    content = copy.deepcopy(tiny_corpora.SETTINGS)
    content["train"]["epochs"] = 2
    content["model"] |= {"preset": "fast", "wide": {"enabled": False}}
    return content


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder whose features are up to date."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(distill, "dvc_repro", lambda *stages: None)
    lay(raw(), rows=45)
    return tmp_path


def scores(task: str) -> pl.DataFrame:
    return pl.read_parquet(f"data/teachers/{task}/single.parquet")


def fake_trainings(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Trainings that memorise: a document that they have seen gets scores of 9, another one 0; returns what each has seen."""
    seen: list[set[str]] = []

    def fit(plan: Plan, settings: Settings, **options: Any) -> Any:
        seen.append({i for s in plan.data.train for i in s.part.documents["doc_id"][s.rows]})
        return SimpleNamespace(network=seen[-1])

    def predict(network: set[str], task: Task, *, corpora: Any) -> np.ndarray:
        ids = distill.training_documents(task, corpora)["doc_id"]
        return np.array([[9.0 if i in network else 0.0] * max(len(task.labels), 1) for i in ids], np.float32)

    monkeypatch.setattr(distill, "fit", fit)
    monkeypatch.setattr(distill, "predict_scores", predict)
    return seen


@pytest.mark.parametrize("task", ["dish", "price", "themes"])
def test_no_document_is_answered_by_a_teacher_that_saw_it(
    task: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """English and Chinese, all kinds; without a label the mean of all answers, and every training document has one."""
    seen = fake_trainings(monkeypatch)
    assert cli.main(["distill", task, "--folds", "3"]) == 0
    (corpus,) = (t.corpora for t in SETTINGS.active_tasks() if t.name == task)
    documents = pl.concat(part.documents for part in read_features(corpus[0])).filter(split="train")
    labelled = set(documents.filter(pl.col(f"label:{task}").is_not_null())["doc_id"])
    assert len(seen) == 3 and set.union(*seen) == labelled and not set.intersection(*seen)
    answers = scores(task)
    assert answers["doc_id"].to_list() == documents["doc_id"].to_list()
    assert (answers.drop("corpus", "doc_id").to_numpy() == 0).all()


def test_done_folds_are_kept_until_something_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = fake_trainings(monkeypatch)
    command = ["distill", "dish", "--folds", "3", "--seeds", "2"]
    assert cli.main(command) == 0
    assert len(seen) == 6
    next(Path("data/crossfit/dish").glob("seed_2_fold_3*.json")).unlink()  # killed before it ended
    assert cli.main(command) == 0
    assert len(seen) == 7
    assert "distill: 6 trainings of one task alone, 5 of them done already" in capsys.readouterr().err
    params = raw()
    params["train"]["epochs"] = 3
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    assert cli.main(command) == 0
    assert len(seen) == 13


def test_real_teachers_are_proposed_or_set(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["distill", "dish", "--folds", "2"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    files = {"dish": ["dish/single.parquet"]}
    block = re.search(r"^distillation:\n(?: .*\n)+", printed, re.MULTILINE)
    assert block is not None
    assert yaml.safe_load(block[0]) == {"distillation": {"teachers": files}}
    assert Settings.load().distillation.teachers == {}
    assert np.ptp(scores("dish").drop("corpus", "doc_id").to_numpy()) > 0
    assert cli.main([*command, "--apply"]) == 0
    assert "+++ b/params.yaml" in capsys.readouterr().out
    assert Settings.load().distillation.teachers == files


def test_printed_lines_are_settings() -> None:
    teachers = distill.own_teachers(SETTINGS, ["themes", "dish"], num_seeds=2, num_folds=5)
    files = {task: [f"{task}/single.parquet", f"{task}/single_2.parquet"] for task in ("dish", "themes")}
    assert distill.teacher_files(teachers) == files
    lines = yaml.safe_load(params_lines(files))
    assert lines == {"distillation": {"teachers": files}}
    assert Settings.parse(tiny_corpora.SETTINGS | lines).distillation.teachers == files
    assert [t.task.name for t in distill.own_teachers(SETTINGS, [], num_seeds=1, num_folds=5)] == [
        "dish", "price", "themes",
    ]  # fmt: skip


def test_a_student_makes_no_teacher_stale() -> None:
    taught = Settings.parse(
        tiny_corpora.SETTINGS | {"distillation": {"teachers": {"dish": ["dish/single.parquet"]}}}
    )
    for settings in (SETTINGS, taught):
        (teacher,) = distill.own_teachers(settings, ["dish"], num_seeds=1, num_folds=5)
        assert teacher.settings.training_sections() == SETTINGS.training_sections()


@pytest.mark.parametrize(
    ("task", "hint"), [("dishes", "did you mean 'dish'"), ("keys", "valid: dish, price, themes")]
)
def test_a_task_that_cannot_be_taught_is_named(
    task: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(tiny_corpora.SETTINGS), encoding="utf-8")
    assert cli.main(["distill", task]) == 1
    error = capsys.readouterr().err
    assert f"error: task {task}: params.yaml has no task of this name to teach" in error
    assert hint in error
