"""`mgm docs`: every setting has a text, a type and a default, and an unknown name the nearest."""

from pathlib import Path

import pytest

from flows.cli import main
from flows.settings_docs import all_names, find_setting, section_lines, setting_lines
from mgm.settings.core import SECTIONS


def test_every_section_has_a_line_and_every_setting_a_text() -> None:
    lines = section_lines()
    assert {line.split()[0] for line in lines} == set(SECTIONS)
    assert [line for line in lines if not line.partition(" ")[2].strip()] == []
    assert [name for name in all_names() if not find_setting(name).text] == []


def test_a_setting_with_type_default_and_present_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["docs", "train.epochs"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "train.epochs"
    assert "type whole number, at least 1" in lines
    assert "default 6" in lines
    assert not any(line.startswith("now") for line in lines)
    Path("params.yaml").write_text("train:\n  epochs: 9\n", encoding="utf-8")
    assert "  now      9 (params.yaml)" in setting_lines("train.epochs")
    assert "  now      not in params.yaml, so the default" in setting_lines("train.patience")
    Path("params.yaml").write_text("train: [", encoding="utf-8")
    assert "  now      params.yaml cannot be read" in setting_lines("train.epochs")


@pytest.mark.parametrize(
    ("name", "type_text"),
    [
        ("model.preset", "full | fast | pretrained"),
        ("model.window.sizes", "list of whole numbers"),
        ("train.weights", "mapping of names to number, above 0"),
        ("train.weights.a.b", "number, above 0"),
        ("corpora.help.group", "text or null"),
        ("text.cleaning.whitespace", "true or false"),
    ],
)
def test_types_in_words(name: str, type_text: str) -> None:
    assert find_setting(name).type == type_text


def test_a_task_kind_is_one_of_the_registry() -> None:
    assert "classification | " in find_setting("tasks.any.kind").type


def test_a_section_lists_its_settings() -> None:
    lines = setting_lines("crossval")
    assert any(line.startswith("crossval.folds ") for line in lines)
    assert any(line.startswith("corpora.NAME.text_column ") for line in setting_lines("corpora"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train.epohs", "train.epohs: no setting 'epohs' in train (did you mean 'epochs'?)"),
        ("trian", "trian: no setting 'trian' in params.yaml (did you mean 'train'?)"),
        ("min_chars", "min_chars: no setting 'min_chars' in params.yaml"),
        ("seed.x", "seed.x: seed is a setting, not a section"),
        ("patience", "did you mean 'train.patience'"),
    ],
)
def test_an_unknown_name_is_exit_1_with_the_nearest(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["docs", name]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
