"""`mgm init`: what it lays, and what it refuses."""

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest
from dvc.repo import Repo

from flows import new_project
from flows.file_format import FileFormat
from flows.graph import stage_graph
from flows.new_project import NewCorpus, create_project, params_text
from flows.resolved_settings import write_resolved_settings
from mgm.corpus.proposal import Proposal
from mgm.settings.corpus_names import check_corpus_names, corpus_name
from mgm.settings.settings import Settings
from mgm.settings.yaml_file import load_yaml

ROWS = 40


def notes(**columns: list[object]) -> pl.DataFrame:
    texts = [f"Tea number {n} 很好喝" for n in range(ROWS)]
    return pl.DataFrame({"doc_id": [f"d{n}" for n in range(ROWS)], "text": texts} | columns)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one corpus, whose rows had to be changed."""
    folder = tmp_path_factory.mktemp("new")
    rows = notes(taste=["good", "坏"] * (ROWS // 2), tags=["hot|茶", "cold|茶", "hot", "cold"] * (ROWS // 4))
    rows.drop("doc_id").write_csv(folder / "my notes.csv")
    create_project(folder / "demo", [folder / "my notes.csv"])
    return folder / "demo"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_settings_are_what_differs_from_the_defaults(project: Path) -> None:
    raw = load_yaml((project / "params.yaml").read_text(encoding="utf-8"))
    assert raw == {
        "enabled": {"my_notes": "data/raw/my_notes.csv"},
        "corpora": {"my_notes": {"lang": "detect"}},
        "tasks": {
            "taste": {"kind": "classification", "corpora": ["my_notes"]},
            "tags": {"kind": "multilabel", "corpora": ["my_notes"]},
        },
        "train": {"epochs": 24, "patience": 6},
    }
    assert Settings.load(project / "params.yaml").tasks_for("my_notes")


def test_a_file_that_does_not_tell_its_encoding(tmp_path: Path) -> None:
    """A copy as it was needs the setting; one that was changed is written as UTF-8."""
    kept = notes(taste=["süß", "bitter"] * (ROWS // 2))
    for name, rows in (("kept", kept), ("changed", kept.drop("doc_id"))):
        text = rows.write_csv().replace("很好喝", "schön")
        (tmp_path / f"{name}.csv").write_bytes(text.encode("cp1252"))
    files = [tmp_path / "kept.csv", tmp_path / "changed.csv"]
    with pytest.raises(ValueError, match=r"kept\.csv: .* looks like cp1252: --encoding names its encoding"):
        new_project.new_corpora(files)
    same, changed = new_project.new_corpora(files, FileFormat(encoding="cp1252"))
    assert same.settings == {"lang": "detect", "encoding": "cp1252"} and "encoding" not in changed.settings
    (tmp_path / "data/raw").mkdir(parents=True)
    changed.copy_to(tmp_path)
    assert pl.read_csv(tmp_path / "data/raw/changed.csv")["taste"][0] == "süß"


def test_numbers_and_missing_values_as_spreadsheets_write_them(tmp_path: Path) -> None:
    """A copy with other lists keeps its decimal commas."""
    cells = [("1,5", "hot|tea"), ("2,25", "tea"), ("NA", "hot"), ("3,75", "hot|tea")] * 10
    lines = [f"d{n};a text about the dish {n};{stars};{tags}" for n, (stars, tags) in enumerate(cells)]
    (tmp_path / "d.csv").write_text("\n".join(["doc_id;text;stars;tags", *lines]), encoding="utf-8")
    written = FileFormat(decimal=",", null_values=["NA"])
    (corpus,) = new_project.new_corpora([tmp_path / "d.csv"], written)
    assert {name: task["kind"] for name, task in corpus.proposal.tasks.items()} == {
        "stars": "regression",
        "tags": "multilabel",
    }
    assert corpus.settings["decimal"] == "," and "null_values" not in corpus.settings
    (tmp_path / "data/raw").mkdir(parents=True)
    corpus.copy_to(tmp_path)
    assert pl.read_csv(tmp_path / "data/raw/d.csv")["stars"][:3].to_list() == ["1,5", "2,25", None]
    with pytest.raises(ValueError, match=r"^--decimal ';': Input should be '\.' or ','"):
        FileFormat(decimal=";").dialect()


def test_the_rows_are_a_copy_that_ingest_reads(project: Path) -> None:
    rows = pl.read_csv(project / "data/raw/my_notes.csv")
    assert rows.columns == ["doc_id", "text", "taste", "tags"]
    assert json.loads(rows["tags"][0]) == ["hot", "茶"]


def test_everything_but_the_rows_is_committed(project: Path) -> None:
    assert git(project, "status", "--porcelain") == ""
    files = git(project, "-c", "core.quotepath=off", "ls-files").splitlines()
    assert {"params.yaml", "dvc.yaml", "prefect.yaml", "suites/ingest.json", ".dvc/config"} <= set(files)
    assert "data/raw/my_notes.csv.dvc" in files and "data/raw/my_notes.csv" not in files


def test_dvc_reads_the_stages_of_the_project(project: Path) -> None:
    graph = stage_graph(project)
    assert graph["ingest@my_notes"] == ["corpora", "settings"]
    assert all("settings" in needed for stage, needed in graph.items() if stage != "settings")


def test_dvc_finds_the_rows_of_the_project(project: Path) -> None:
    """Else `dvc push` leaves them out, and a clone or an experiment has none."""
    with Repo(str(project)) as repository:
        assert any("data/raw/" in stage.addressing for stage in repository.index.stages)


def test_resolved_settings_change_only_when_something_changes(project: Path) -> None:
    assert "all settings, defaults included" in write_resolved_settings(project)
    path = project / ".mgm/settings.json"
    before = path.stat().st_mtime_ns
    write_resolved_settings(project)
    assert path.stat().st_mtime_ns == before
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["train"]["epochs"] == 24 and content["train"]["tokens_per_batch"] == 4000
    assert content["version"] == new_project.version("mgm")


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "suites/clean.json"])
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=f"{name}: there already"):
        create_project(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [Path(name).name]


def test_a_readme_and_ignored_files_of_a_repository_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_project, "begin_repositories", lambda folder: False)
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("*.log\n", encoding="utf-8")
    lines = create_project(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8").startswith("*.log\n\n.prefect/\n")
    assert lines[-1].startswith("next: put rows into")
    assert Settings.load(tmp_path / "params.yaml").enabled == {"notes": "data/raw/notes.csv"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="demo: a file; expected a folder"):
        create_project(tmp_path / "demo")


def test_wrong_rows_lay_nothing(tmp_path: Path) -> None:
    notes().write_csv(tmp_path / "notes.csv")
    with pytest.raises(ValueError, match="no column that could be a task"):
        create_project(tmp_path / "demo", [tmp_path / "notes.csv"])
    assert not (tmp_path / "demo").exists()


def test_two_files_share_a_task_of_one_kind_only(tmp_path: Path) -> None:
    notes(taste=["good", "bad"] * (ROWS // 2), price=[n / 8 for n in range(ROWS)]).write_csv(
        tmp_path / "a.csv"
    )
    notes(taste=["good", "bad"] * (ROWS // 2), price=["low", "high"] * (ROWS // 2)).write_csv(
        tmp_path / "b.csv"
    )
    raw = load_yaml(params_text(new_project.new_corpora([tmp_path / "a.csv", tmp_path / "b.csv"])))
    assert raw["tasks"]["taste"]["corpora"] == ["a", "b"]
    assert raw["tasks"]["price"] == {"kind": "regression", "corpora": ["a"]}
    assert raw["tasks"]["price_b"] == {"kind": "classification", "corpora": ["b"]}
    assert raw["corpora"]["b"]["columns"] == {"price_b": "price"}
    with pytest.raises(ValueError, match="another file gives the corpus 'a'"):
        new_project.new_corpora([tmp_path / "a.csv", tmp_path / "a.csv"])


@pytest.mark.parametrize(
    ("file", "corpus", "suffix"),
    [
        ("a;b.csv", "a_b", ".csv"),
        ("news 2024.csv", "news_2024", ".csv"),
        ("news.2024.CSV", "news_2024", ".csv"),
        ("$(touch x).jsonl.gz", "touch_x", ".jsonl.gz"),
        ("-诗—it's.tsv", "诗_it_s", ".tsv"),
        ("हिन्दी.parquet", "हिन्दी", ".parquet"),
        ("...", "corpus", ""),
    ],
)
def test_a_corpus_and_its_copy_are_named_for_the_file(file: str, corpus: str, suffix: str) -> None:
    name = corpus_name(new_project.stem(Path(file)))
    assert name == corpus
    check_corpus_names([name], "here")
    assert NewCorpus(name=name, source=Path(file), proposal=Proposal()).place == Path(
        "data/raw", name + suffix
    )
