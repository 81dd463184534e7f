"""The command line as a whole: help, wrong use, exit codes, completion, and the way of a candidate."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows import exit_codes, lock
from flows.cli import command_words, main
from tests.flows.conftest import SOURCE


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
        assert main(["promote", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown | {"message": ""} == {
            "promoted": True,
            "champion": identities[-1],
            "previous": champion,
            "message": "",
        }
    assert main(["champion", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == {"bundle", "promoted_at", "previous", "earlier", "counter", "signature"}
    assert (shown["bundle"], shown["previous"]) == (identities[1], identities[0])
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
    assert main(["promote", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["promoted"], shown["champion"], shown["previous"]) == (False, None, None)
    assert "title is below its floor" in shown["message"]


def test_results_for_people_and_for_scripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results"]) == 1
    assert capsys.readouterr().err == "error: reports/metrics.json: no results yet; run `mgm run evaluate`\n"
    (folder / "reports").mkdir()
    entry = {"kind": "classification", "macro_f1": 0.5, "low": 0.4, "high": 0.6, "baseline": 0.2, "n": 9}
    (folder / "reports" / "metrics.json").write_text(json.dumps({"module": entry}))
    assert main(["results"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "report: reports/report.html"
    assert main(["results", "--json"]) == 0
    row = {
        "task": "module",
        "metric": "macro_f1",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "baseline": 0.2,
        "n": 9,
    }
    assert json.loads(capsys.readouterr().out) == {"tasks": [row], "report": None}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["champion"], "there is no champion; run `mgm promote`"),
        (["rollback"], "there is no champion, so there is none to return to"),
        (["promote"], "run `mgm run`"),
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


def test_the_commands() -> None:
    names = [words[0] for words in command_words() if len(words) == 1]
    assert sorted(" ".join(words) for words in command_words() if len(words) > 1) == [
        "export mlflow",
        "export review",
        "tables optimize",
        "tables vacuum",
    ]
    assert sorted(names) == sorted(
        "backfill champion crossval distill docs doctor fetch generate import init keys lineage migrate predict promote results rollback "
        "rotate-key run score serve study train tune".split()
    )


def test_no_command_is_help_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == exit_codes.MISUSED
    assert "Usage: mgm" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["promot"], "No such command 'promot'. Did you mean 'promote'?"),
        (["results", "--jsn"], "No such option: --jsn (Possible options: --json)"),
        (["fetch"], "Missing argument 'CORPUS'"),
        (["results", "-v"], "it stands before the command: mgm -v results"),
        (["-v", "-q", "results"], "--verbose, --quiet: expected one of the two, found both"),
    ],
    ids=["unknown command", "unknown option", "missing argument", "misplaced option", "contradiction"],
)
def test_wrong_use_is_exit_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == exit_codes.MISUSED
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert says in error
    assert "\nmore: mgm" in error


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"mgm (\d+\.\d+\.\d+.*|\(not installed\))\n", capsys.readouterr().out)


def test_help_imports_nothing_heavy() -> None:
    """Print every command's help in a fresh interpreter, and look at what was imported."""
    code = """
import sys
from flows import cli
cli.main(["--help"])
for words in cli.command_words():
    assert cli.main([*words, "--help"]) == 0
print("heavy:", *sorted({module.partition(".")[0] for module in sys.modules} & set(sys.argv[1:])))
"""
    heavy = ["torch", "polars", "pyarrow", "numpy", "prefect", "dvc", "great_expectations", "deltalake"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, cwd=SOURCE, check=True
    )
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert "Usage: mgm lineage" in done.stdout


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for code, meaning in exit_codes.MEANINGS.items():
        assert f"{code} {meaning}" in text


def test_bash_completion() -> None:
    """The script that a shell sources, and the answer to a tab."""

    def run(**variables: str) -> str:
        command = [sys.executable, "-m", "flows.cli"]
        environment = os.environ | variables
        return subprocess.run(
            command, capture_output=True, text=True, cwd=SOURCE, env=environment, check=True
        ).stdout

    assert "complete -o default -F _mgm_completion mgm" in run(_MGM_COMPLETE="source_bash")
    asked = {"_MGM_COMPLETE": "complete_bash", "COMP_WORDS": "mgm prom", "COMP_CWORD": "1"}
    assert run(**asked).split() == ["promote"]
