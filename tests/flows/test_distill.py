"""The trainings that are teachers, and the settings that use them; the trainings themselves are the study's."""

from pathlib import Path

import pytest
import yaml

from flows import cli
from flows.distill import params_lines, select_teachers, teacher_file
from mgm.settings.settings import Settings
from tests import tiny_corpora

SETTINGS = tiny_corpora.settings()


def names(tasks: list[str], seeds: int) -> list[str]:
    return [variant.name for variant in select_teachers(SETTINGS, tasks, num_seeds=seeds)]


def test_a_teacher_a_seed_for_every_task_that_can_be_taught() -> None:
    assert names([], 1) == ["single/dish", "single/price", "single/themes"]
    assert names(["themes"], 3) == ["single/themes", "single_2/themes", "single_3/themes"]


def test_printed_lines_are_settings() -> None:
    lines = params_lines(select_teachers(SETTINGS, ["themes", "dish"], num_seeds=2))
    files = {task: [f"{task}/single.parquet", f"{task}/single_2.parquet"] for task in ("dish", "themes")}
    assert yaml.safe_load(lines) == {"distillation": {"teachers": files}}
    assert Settings.parse(tiny_corpora.SETTINGS | yaml.safe_load(lines)).distillation.teachers == files
    assert [teacher_file(v) for v in select_teachers(SETTINGS, ["dish"], num_seeds=2)] == files["dish"]


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
