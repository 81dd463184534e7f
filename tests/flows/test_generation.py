"""The project of the generation tasks."""

from pathlib import Path
from typing import Any

import pytest

from flows import generation
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml


def shipped() -> dict[str, Any]:
    raw: dict[str, Any] = load_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    return raw


def test_the_project_has_generation_tasks_alone_and_their_budget() -> None:
    raw = shipped()
    settings = Settings.parse(generation.project_params(raw))
    assert {t.name for t in settings.active_tasks()} == {"title", "translate_en", "translate_zh"}
    assert sorted(settings.enabled) == ["help", "help_pairs_en", "help_pairs_zh"]
    assert settings.train.epochs == raw["run_generation"]["train.epochs"] != Settings.parse(raw).train.epochs
    assert settings.model.preset == "fast" and not settings.model.sentence.enabled
    assert Settings.parse(raw).active_tasks() and not Settings.parse(shipped()).train.generation


def test_a_setting_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"run_generation: train.epohs: unknown key .*did you mean 'epochs'"):
        Settings.parse(shipped() | {"run_generation": {"train.epohs": 3}})
    with pytest.raises(ValueError, match=r"run_generation: train.epochs: .* found 0"):
        Settings.parse(shipped() | {"run_generation": {"train.epochs": 0}})


def test_without_a_generation_task_it_says_so() -> None:
    raw = shipped()
    raw["enabled"] = {"poems": raw["enabled"]["poems"]}
    raw["train"]["weights"], raw["tune"]["space"] = {}, {}
    with pytest.raises(ValueError, match="no enabled corpus has a generation task"):
        generation.project_params(raw)


def test_results_stay_when_the_project_is_written_again(tmp_path: Path) -> None:
    params = generation.project_params(shipped())
    generation.materialize_project(Path(), tmp_path / "generation", params=params)
    (tmp_path / "generation" / "reports").mkdir()
    generation.materialize_project(Path(), tmp_path / "generation", params=params)
    for name in ("dvc.yaml", "mgm/tasks", "data/samples/help.parquet", ".dvc/config", "reports"):
        assert (tmp_path / "generation" / name).exists(), name
    assert Settings.load(tmp_path / "generation" / "params.yaml").train.generation


def test_a_project_without_code_of_its_own_has_its_suites(tmp_path: Path) -> None:
    """Such a project is one that `mgm init` made; its settings may be short."""
    short = {
        "enabled": {"notes": "data/raw/notes.csv"},
        "tasks": {"title": {"kind": "generation", "corpora": ["notes"]}},
    }
    for name in ("dvc.yaml", "suites/ingest.json", "data/raw/notes.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    folder = tmp_path / "data/generation"
    generation.materialize_project(tmp_path, folder, params=generation.project_params(short))
    assert {path.name for path in folder.iterdir()} == {
        ".dvc",
        ".dvcignore",
        "data",
        "dvc.yaml",
        "params.yaml",
        "suites",
    }
    assert (folder / "data/raw/notes.csv").is_file()
