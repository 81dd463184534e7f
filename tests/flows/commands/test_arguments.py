"""What commands hand on: names as arguments, and the flags of earlier versions, which are hidden."""

import runpy
import sys

import pytest

from flows import distill, study
from flows.cli import main


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names that the study was asked for, which it does not run."""
    names: list[list[str]] = []
    monkeypatch.setattr(study, "run_study", lambda only: names.append(list(only)))
    return names


@pytest.mark.parametrize(
    "arguments",
    [
        ["average", "ablations/window"],
        ["--only", "average", "ablations/window"],
        ["ablations/window", "--only", "average"],
    ],
    ids=["names", "the old flag", "both"],
)
def test_names_of_the_study(arguments: list[str], studied: list[list[str]]) -> None:
    assert main(["study", *arguments]) == 0
    assert studied == [["average", "ablations/window"]]


def test_a_module_is_its_command(studied: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m flows.study` is `mgm study`."""
    monkeypatch.setattr(sys, "argv", ["flows/study.py", "single"])
    with pytest.raises(SystemExit) as end, pytest.warns(RuntimeWarning, match="flows.study"):
        runpy.run_module("flows.study", run_name="__main__")
    assert end.value.code == 0
    assert studied == [["single"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ([], 1)),
        (["role", "tags", "--seeds", "3"], (["role", "tags"], 3)),
        (["--seeds", "3", "--tasks", "role", "tags"], (["role", "tags"], 3)),
    ],
    ids=["all", "names", "the old flag"],
)
def test_tasks_of_distillation(
    arguments: list[str], expected: tuple[list[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], int]] = []

    def train(tasks: list[str], *, num_seeds: int, num_folds: int) -> dict[str, list[str]]:
        asked.append((list(tasks), num_seeds))
        return {}

    monkeypatch.setattr(distill, "train_teachers", train)
    assert main(["distill", *arguments]) == 0
    assert asked == [expected]


@pytest.mark.parametrize("command", ["study", "distill", "score", "backfill"])
def test_old_flags_are_hidden(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert not {"--only", "--tasks", "--like"} & set(shown.split())
