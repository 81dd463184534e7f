"""Many dates as nights."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml
from deltalake import DeltaTable
from prefect.logging import disable_run_logger

from flows.backfill import NightFailed, score_in_subprocess
from flows.cli import main
from flows.scoring_options import ScoringOptions
from mgm.scoring import steps
from mgm.scoring.commits import read_nights
from tests import tiny_corpora
from tests.flows.incoming import INPUT, OUTPUT, write_documents


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project
    return tmp_path


@pytest.mark.parametrize(
    ("first", "last", "source", "expected"),
    [
        ("2026-13-01", "2026-01-02", INPUT, "date '2026-13-01'"),
        ("2026-01-03", "2026-01-02", INPUT, "comes after"),
        ("2026-01-01", "2026-01-02", "incoming/all.jsonl", "expected {date} in it"),
    ],
    ids=["no date", "reversed", "no placeholder"],
)
def test_wrong_arguments(
    first: str, last: str, source: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", "--from", first, "--to", last, "--input", source]) == 1
    assert expected in capsys.readouterr().err
    assert not Path(OUTPUT).exists()


@pytest.mark.slow
def test_a_failed_night_stops_no_other_and_is_tried_again(folder: Path, bundle: Path, run_module) -> None:
    params = yaml.safe_dump(tiny_corpora.SETTINGS | {"score": {"nights_at_once": 2}}, allow_unicode=True)
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    write_documents("2026-01-01", 2)
    twice = pl.DataFrame({"doc_id": ["a", "a"], "text": ["Stir the soup.", "Bake a cake."]})
    twice.write_ndjson("incoming/2026-01-03.jsonl")
    days = ["--from", "2026-01-01", "--to", "2026-01-03", "--input", INPUT, "--bundle", str(bundle)]

    failed = run_module("flows.backfill", *days, cwd=folder)
    assert failed.returncode == 1
    assert "2 of 3 nights failed; run again to try only those:" in failed.stderr
    assert "2026-01-02: incoming/2026-01-02.jsonl: no such file" in failed.stderr
    assert "2026-01-03: the gate stops these documents (doc_id)" in failed.stderr
    assert "'a' stands already in" in failed.stderr
    assert "3 of 3 nights have ended" in failed.stdout + failed.stderr
    summary = pl.read_csv("reports/nights/backfill.csv")
    assert summary["state"].to_list() == ["scored", "failed", "failed"]
    assert summary["predictions"].to_list() == [2, 0, 0]
    assert summary["note"][2].startswith("the gate stops these documents (doc_id); nothing was scored")

    stamp = Path(OUTPUT, "2026-01-01", "summary.json").stat().st_mtime_ns
    write_documents("2026-01-02", 1)
    write_documents("2026-01-03", 4)
    done = run_module("flows.backfill", *days, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "2026-01-01  skipped" in done.stdout + done.stderr
    summary = pl.read_csv("reports/nights/backfill.csv")
    assert summary["state"].to_list() == ["skipped", "scored", "scored"]
    assert summary["predictions"].to_list() == [2, 1, 4]
    assert Path(OUTPUT, "2026-01-01", "summary.json").stat().st_mtime_ns == stamp
    committed = [night for _, _, night in read_nights(DeltaTable("data/scored/predictions"))]
    assert len({night.flow_run for night in committed}) == 3  # each a run of its own
    index = Path("reports/nights/index.html").read_text(encoding="utf-8")
    assert "3 nights scored from 2026-01-01 to 2026-01-03: 7 of 7 documents, 0 rejected" in index


@pytest.mark.slow
def test_killed_night(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_documents("2026-01-01", 1)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv(steps.VARIABLE, steps.CUT)
    options = ScoringOptions(source=INPUT, bundle=bundle)
    with disable_run_logger(), pytest.raises(NightFailed, match="killed by signal 9"):
        score_in_subprocess.fn(date(2026, 1, 1), options, api=None)
