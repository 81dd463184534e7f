"""The folder of a project, found from any folder in it."""

import os
from pathlib import Path
from typing import Annotated, Any

import pytest

from flows import environment
from flows.cli import main
from flows.errors import CommandFailed
from flows.project_root import Place, find_root, in_project
from tests import tiny_corpora


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two levels below a project's, where the user stands."""
    (tmp_path / "params.yaml").write_text("enabled: {}\n")
    folder = tmp_path / "incoming" / "new"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("files", "root"),
    [
        (["params.yaml", "dvc.yaml"], "."),
        (["dvc.yaml"], "."),
        (["params.yaml", "dvc.yaml", "study/dvc.yaml"], "."),
        (["params.yaml", "study/params.yaml"], "study"),
        ([], None),
    ],
    ids=["project", "stages alone", "stages beside the project's", "project in a project", "none"],
)
def test_nearest_folder_with_settings_is_the_root(tmp_path: Path, files: list[str], root: str | None) -> None:
    (tmp_path / "study" / "deep").mkdir(parents=True)
    for file in files:
        (tmp_path / file).touch()
    assert find_root(tmp_path / "study" / "deep") == (None if root is None else tmp_path / root)


@in_project
def command(
    path: Path | None = None,
    paths: list[Path] | None = None,
    source: Annotated[str | None, Place()] = None,
    texts: Annotated[list[str] | None, Place(if_exists=True, unless="all_texts")] = None,
    all_texts: bool = False,
    name: str = "",
) -> tuple[Any, ...]:
    """A command with every kind of parameter."""
    return Path.cwd(), path, paths, source, texts, name


def test_paths_are_relative_to_where_the_user_stands(below: Path) -> None:
    root = below.parents[1]
    (below / "here.csv").touch()
    assert command(
        path=Path("out.csv"),
        paths=[Path("../a"), Path("/b")],
        source="{date}.csv",
        texts=["here.csv", "a text"],
    ) == (
        root,
        Path("incoming/new/out.csv"),
        [Path("incoming/a"), Path("/b")],
        "incoming/new/{date}.csv",
        ["incoming/new/here.csv", "a text"],
        "",
    )
    assert command(source="s3://bucket/{date}", name="here.csv")[3:] == (
        "s3://bucket/{date}",
        None,
        "here.csv",
    )
    assert command(texts=["here.csv", "a" * 5_000], all_texts=True)[4] == ["here.csv", "a" * 5_000]
    assert Path.cwd() == below


@pytest.mark.parametrize("place", ["at the root", "outside"])
def test_elsewhere_a_command_is_left_alone(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if place == "at the root":
        (tmp_path / "params.yaml").touch()
    assert command(path=Path("a"), source="b") == (tmp_path, Path("a"), None, "b", None, "")


def test_a_night_from_a_subfolder_is_in_the_projects_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows import score

    monkeypatch.setattr(score, "score_flow", score.score_flow.fn)
    monkeypatch.setattr(score.server, "start_temporary", lambda: None)
    tiny_corpora.saved_bundle(tmp_path / "sub")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path / "sub")
    tiny_corpora.menus(2).select("doc_id", "text").write_csv("in.csv")
    (bundle,) = [path.parent for path in Path().rglob("config.json")]
    arguments = ["score", "--date", "2026-01-01", "--input", "in.csv", "--bundle", str(bundle)]
    assert main(arguments) == 0
    assert (tmp_path / "data/scored/predictions").is_dir() and (
        tmp_path / "reports/nights/index.html"
    ).is_file()
    assert not Path("data").exists() and not Path("reports").exists()
    told = capsys.readouterr()
    assert "project: ..\n" in told.err and "scored 2 of 2 documents" in told.out
    monkeypatch.chdir(tmp_path)
    assert main([*arguments[:3], "--input", "sub/in.csv", "--bundle", str("sub" / bundle)]) == 0
    assert "scored before" in capsys.readouterr().out


def test_outside_of_any_project_a_night_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables would lie in whatever folder it was started."""
    from flows.scoring_options import load_settings

    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandFailed, match=r"^no params.yaml in /.* or in a folder above; expected a proj"):
        load_settings()


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["study"], ["tune"], ["crossval"], ["distill"], ["generate"], ["migrate"]],
    ids=lambda arguments: arguments[0],
)
def test_outside_of_any_project_others_are_refused_in_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "no such file" in line
    assert [path.name for path in tmp_path.iterdir()] in ([], [".prefect"])


def test_prefects_database_is_the_projects(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    environment.set_defaults()
    assert os.environ["PREFECT_HOME"] == str(below.parents[1] / ".prefect")
