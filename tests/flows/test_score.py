"""The command line that scores a night."""

import json
from pathlib import Path

import pytest

from flows import score as command
from flows.cli import main
from mgm.scoring.commits import NightConflict
from tests import tiny_corpora
from tests.flows.conftest import Run

NIGHT = ["score", "--date", "2026-01-01", "--input", "in.csv"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models")))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project
    tiny_corpora.menus().select("doc_id", "text").write_csv("in.csv")


@pytest.fixture
def without_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call the function behind the flow, which needs no server of Prefect."""
    monkeypatch.setattr(command, "score_flow", command.score_flow.fn)
    monkeypatch.setattr(command.server, "start_temporary", lambda: None)


@pytest.mark.usefixtures("without_server")
def test_night_is_scored_once(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*NIGHT, "--bundle", bundle]) == 0
    scored = capsys.readouterr()
    assert scored.out.startswith("night 2026-01-01, revision 1: scored 30 of 30 documents; 0 rejected; ")
    assert "warning: compared_with: " in scored.err  # the tiny bundle has no profile
    assert main([*NIGHT, "--bundle", bundle]) == 0
    assert "scored before (--rescore replaces it)" in capsys.readouterr().out
    assert main([*NIGHT, "--bundle", bundle, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["state"], summary["predictions"], summary["revision"]) == ("skipped", 30, 1)
    documented = {"date", "rows_in", "rejected", "reasons", "warnings", "broken", "bundle", "tasks", "page"}
    assert documented <= set(summary)


@pytest.mark.usefixtures("without_server")
def test_how_documents_are_written(bundle: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("doc_id|text\na|süß\n", encoding="cp1252")
    night = [*NIGHT, "--bundle", bundle, "--separator", "|", "--json"]
    assert main(night) == 1
    assert "looks like cp1252: --encoding names its encoding" in capsys.readouterr().err
    assert main([*night, "--encoding", "cp1252"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"] == 1


@pytest.mark.usefixtures("without_server")
@pytest.mark.parametrize("option", ["--as-corpus", "--like"])
def test_corpus_of_the_documents(bundle: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*NIGHT, "--bundle", bundle, option, "menu"]) == 1
    assert "corpus 'menu': this bundle was not trained on it" in capsys.readouterr().err


@pytest.mark.usefixtures("without_server")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--date", "2026-01-02", "--input", "nothing.csv"], "error: nothing.csv: no such file or folder"),
        (["--date", "yesterday"], "error: date 'yesterday': expected YYYY-MM-DD"),
    ],
    ids=["no input", "no date"],
)
def test_errors_are_one_line(
    bundle: str, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", *arguments, "--bundle", bundle]) == 1
    assert expected in capsys.readouterr().err


def test_conflict_names_the_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def conflict(*_: object) -> None:
        raise NightConflict("night 2026-01-01: another run has committed revision 1")

    monkeypatch.setattr(command, "score_flow", conflict)
    monkeypatch.setattr(command.server, "start_temporary", lambda: None)
    assert main(NIGHT) == 1
    assert capsys.readouterr().err.endswith("revision 1; --rescore replaces the night\n")


@pytest.mark.slow
def test_error_in_a_process(bundle: str, run_module: Run) -> None:
    night = ["--bundle", bundle, "--date", "2026-01-02", "--input", "nothing.csv"]
    failed = run_module("flows.score", *night, cwd=Path.cwd())
    assert failed.returncode == 1
    assert "nothing.csv: no such file or folder" in failed.stderr and "Traceback" not in failed.stderr
