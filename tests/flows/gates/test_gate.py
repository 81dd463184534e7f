"""The gate as a stage: where verdicts lie, what stops it, and what it leaves alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from flows.gates.gate import run_gate, verdict_path
from mgm.settings.settings import Settings

ROOT = Path(__file__).parents[3]


def stage(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The gate through its real command line, in the current folder."""
    return subprocess.run(
        [sys.executable, "-m", "flows.stages.gate", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(home), "POLARS_MAX_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_stops_on_bad_data_and_says_why(project, documents):
    bad = documents.with_columns(
        split=pl.when(pl.col("doc_id") == "d7").then(pl.lit("dev")).otherwise("split")
    )
    home = project.folder / "home"
    home.mkdir()
    project.write("ingest", bad)
    before = {path for path in project.folder.rglob("*") if path.is_file()}
    done = stage("ingest", "notes", home=home)
    assert done.returncode == 1
    for part in (
        "ingest.json",
        "notes",
        "expect_column_values_to_be_in_set",
        "split",
        "dev",
        "d7",
        "value_set",
    ):
        assert part in done.stderr
    assert "Calculating" not in done.stderr and "Traceback" not in done.stderr
    assert "STOPPED" in done.stdout and "done in" not in done.stdout
    written = {path for path in project.folder.rglob("*") if path.is_file()} - before
    docs = {path for path in written if path.is_relative_to(project.folder / "reports/data_docs")}
    assert written - docs == {project.folder / "reports/gates/failed/ingest/notes.json"}
    assert sorted(path.suffix for path in docs if path.parent.name == "notes") == [".html", ".json"]
    assert project.folder / "reports/data_docs/index.html" in docs


def test_only_a_passing_gate_leaves_a_verdict_where_the_next_stage_looks(project, documents):
    passed, failed = verdict_path("ingest", "notes"), verdict_path("ingest", "notes", failed=True)
    project.write("ingest", documents)
    project.run("ingest")
    assert passed.exists() and not failed.exists()
    project.write("ingest", documents.with_columns(lang=pl.lit("xx")))
    project.run("ingest")
    assert not passed.exists() and json.loads(failed.read_text())["failures"]
    project.write("ingest", documents)
    project.run("ingest")
    assert passed.exists() and not failed.exists()


def test_an_error_leaves_no_old_verdict_behind(project, documents):
    project.write("ingest", documents)
    project.run("ingest")
    Path("data/documents/notes/_parts.json").unlink()
    with pytest.raises(FileNotFoundError):
        project.run("ingest")
    assert not verdict_path("ingest", "notes").exists()


def test_the_verdict_has_the_agreed_keys_and_the_same_bytes_again(project, documents):
    project.write("clean", documents, rejected=1)
    project.run("clean")
    first = verdict_path("clean", "notes").read_bytes()
    project.run("clean")
    assert verdict_path("clean", "notes").read_bytes() == first
    content = json.loads(first)
    assert set(content) == {"gate", "corpus", "passed", "checks", "warnings", "failures"}
    assert content["passed"] and len(content["warnings"]) == 1


def test_parts_do_not_change_the_verdict(project, documents):
    repeated = documents.with_columns(text=pl.lit("The same."), group=pl.lit("one"))
    verdicts = []
    for parts in (1, 7):
        project.write("ingest", repeated, parts=parts)
        verdicts.append(project.run("ingest").as_dict())
    assert verdicts[0] == verdicts[1] and verdicts[0]["failures"]


@pytest.mark.parametrize(
    ("gate", "corpus", "said"),
    [
        ("ingets", "notes", "did you mean 'ingest'?"),
        ("ingest", "note", "did you mean 'notes'?"),
        ("ingest", None, "needs a corpus"),
        ("features", "notes", "all enabled corpora at once"),
    ],
)
def test_a_wrong_name_is_refused(project, gate, corpus, said):
    with pytest.raises(ValueError) as error:
        run_gate(gate, corpus, Settings.load())
    assert said in str(error.value)


def test_importing_the_gates_does_not_import_great_expectations():
    code = "import sys, flows.stages.gate; sys.exit('great_expectations' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60
    )
    assert done.returncode == 0
