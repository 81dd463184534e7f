import json
import os
from pathlib import Path

import pytest

from flows import lock
from flows.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_candidate_to_champion_and_back(
    folder: Path, make_bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "reports").mkdir()
    identities: list[str] = []
    for text in ("first", "second"):
        champion = identities[-1] if identities else None
        identities.append(make_bundle(folder / "models" / "candidate", text))
        verdict = {"verdict": "approved", "bundle": identities[-1], "champion": champion, "reasons": []}
        (folder / "reports" / "promotion.json").write_text(json.dumps(verdict))
        (folder / "reports" / "card.md").write_text(f"Bundle: `{identities[-1]}`\n")
        assert main(["promote"]) == 0
    assert main(["champion"]) == 0
    shown = capsys.readouterr().out
    assert f"bundle       {identities[1]}" in shown
    assert f"previous     {identities[0]}" in shown
    assert main(["rollback"]) == 0
    assert "is the champion again" in capsys.readouterr().out


def test_refused_is_exit_1_with_the_reasons(
    folder: Path, make_bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = make_bundle(folder / "models" / "candidate", "worse")
    (folder / "reports").mkdir()
    verdict = {
        "verdict": "refused",
        "bundle": identity,
        "champion": None,
        "reasons": ["title is below its floor"],
    }
    (folder / "reports" / "promotion.json").write_text(json.dumps(verdict))
    assert main(["promote"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("refused: ")
    assert "title is below its floor" in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["champion"], "there is no champion; run `mgm promote`"),
        (["rollback"], "there is no champion, so there is none to return to"),
        (["promote"], "run `dvc repro`"),
        (["fetch", "reviws"], "did you mean 'reviews'?"),
    ],
)
def test_errors_are_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert says in error
    assert error.count("\n") == 1


def test_promotion_waits_for_no_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lock.workspace():
        assert main(["promote"]) == 1
    assert f"another run (process {os.getpid()})" in capsys.readouterr().err


def test_an_unknown_command_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["promot"])
    assert caught.value.code == 2
    assert "'promote'" in capsys.readouterr().err
