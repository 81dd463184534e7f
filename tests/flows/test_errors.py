"""Errors with the command that makes what is missing."""

import importlib
import sys
from pathlib import Path

import pytest

from flows import errors
from flows.errors import exit_status, message
from mgm.errors import AlteredInput, MissingInput, StaleInput


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            MissingInput("data/vectors", "no vectors", made_by="vectors"),
            "data/vectors: no vectors; run `mgm run vectors`",
        ),
        (
            StaleInput("data/study", "of another run", made_by="study"),
            "data/study: of another run; run `mgm study`",
        ),
        (
            AlteredInput(Path("data/clean/a/part-00000.parquet"), "gone; expected 3 rows"),
            "data/clean/a/part-00000.parquet: gone; expected 3 rows; run `mgm run`, which makes it again",
        ),
        (ValueError("params.yaml: seed: found 'a'"), "params.yaml: seed: found 'a'"),
        (FileNotFoundError(2, "No such file or directory", "a.yaml"), "a.yaml: no such file or directory"),
        (FileNotFoundError("data/clean: no finished table"), "data/clean: no finished table"),
    ],
    ids=["missing", "stale", "altered", "any other", "the operating system's", "our own of a file"],
)
def test_a_message_names_the_command(error: Exception, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    assert message(error) == text
    assert exit_status(fail) == 1
    assert capsys.readouterr().err == f"error: {text}\n"


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("clone", r"pip install -c requirements.lock -e '.[tune]'"),
        ("site-packages", "pip install 'mgm[tune]'"),
    ],
)
def test_a_missing_extra_is_installed_as_mgm_was(
    folder: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / folder / "flows" / "errors.py"
    place.parent.mkdir(parents=True)
    if folder == "clone":
        (tmp_path / folder / "requirements.lock").touch()
    monkeypatch.setattr(errors, "__file__", str(place))
    monkeypatch.setitem(sys.modules, "optuna", None)

    def search() -> None:
        importlib.import_module("optuna")

    assert exit_status(search) == 1
    assert capsys.readouterr().err == f"error: optuna is not installed; run `{command}`\n"


def test_another_missing_module_is_an_error_of_the_code() -> None:
    with pytest.raises(ModuleNotFoundError):
        exit_status(lambda: importlib.import_module("no_such_module") and None)


def test_an_error_of_the_code_is_no_message() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_status(lambda: 1 // 0)


@pytest.mark.parametrize("status", [None, 0, 3])
def test_the_status_is_the_commands(status: int | None) -> None:
    assert exit_status(lambda: status) == (status or 0)
