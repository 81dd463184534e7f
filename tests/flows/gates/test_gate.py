"""The gate as a stage: where verdicts lie, what stops it, and what it leaves alone."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from flows import lock
from flows.gates.gate import run_gate, verdict_path
from flows.stages.command_line import run_stage
from flows.stages.gate import main
from mgm.settings.settings import Settings


def test_the_command_stops_on_bad_data_and_says_why(project, documents, monkeypatch, capfd):
    bad = documents.with_columns(
        split=pl.when(pl.col("doc_id") == "d7").then(pl.lit("dev")).otherwise("split")
    )
    project.write("ingest", bad)
    before = {path for path in project.folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(sys, "argv", ["gate", "ingest", "notes"])
    with pytest.raises(SystemExit) as exit_:
        run_stage(main)
    assert exit_.value.code == 1
    printed = capfd.readouterr()
    for part in (
        "ingest.json",
        "notes",
        "expect_column_values_to_be_in_set",
        "split",
        "dev",
        "d7",
        "value_set",
    ):
        assert part in printed.err
    assert "Calculating" not in printed.err and "Traceback" not in printed.err
    assert "STOPPED" in printed.err and "done in" not in printed.err
    assert printed.out == ""
    written = {path for path in project.folder.rglob("*") if path.is_file()} - before
    docs = {path for path in written if path.is_relative_to(project.folder / "reports/data_docs")}
    locks = {path for path in written if path.is_relative_to(project.folder / lock.STAGE_LOCKS)}
    assert written - docs - locks == {project.folder / "reports/gates/failed/ingest/notes.json"}
    assert sorted(path.suffix for path in docs if path.parent.name == "notes") == [".html", ".json"]
    assert project.folder / "reports/data_docs/index.html" in docs


def test_only_a_passing_gate_leaves_a_verdict(project, documents):
    """Only a passing gate leaves a verdict where the next stage looks."""
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


def test_the_verdict_has_its_keys_and_the_same_bytes_again(project, documents):
    """The verdict has the agreed keys and the same bytes again."""
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
    ("gate", "corpus", "expected_text"),
    [
        ("ingets", "notes", "did you mean 'ingest'?"),
        ("ingest", "note", "did you mean 'notes'?"),
        ("ingest", None, "needs a corpus"),
        ("features", "notes", "all enabled corpora at once"),
    ],
    ids=["unknown gate", "unknown corpus", "no corpus", "a corpus too many"],
)
def test_a_wrong_name_is_refused(project, gate, corpus, expected_text):
    with pytest.raises(ValueError) as error:
        run_gate(gate, corpus, settings=Settings.load())
    assert expected_text in str(error.value)
