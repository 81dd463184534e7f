import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import yaml
from deltalake import DeltaTable
from prefect.cache_policies import NO_CACHE
from prefect.logging import disable_run_logger
from prefect.states import Failed

from flows.backfill import main, score_in_subprocess
from flows.dates import date_range, night_before, parse_date
from flows.night import NightRefused
from flows.night_outcomes import NightOutcome, outcome_lines, outcome_rows, write_backfill_summary
from flows.nightly import RETRY_SECONDS, nightly_score, scheduled_night, score_and_time
from flows.scoring_options import ScoringOptions
from mgm.scoring import steps
from mgm.scoring.commits import NightConflict, read_nights
from mgm.scoring.isolation import ModelBroken
from tests import tiny

INPUT, OUTPUT = "incoming/{date}.jsonl", "data/scored/nights"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.saved_bundle(tmp_path_factory.mktemp("models")))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "incoming").mkdir()
    return tmp_path


def _documents(day: str, rows: int) -> None:
    frame = pl.DataFrame(
        {"doc_id": [f"{day}-{i}" for i in range(rows)], "text": ["Stir the soup. 明月照高楼。"] * rows}
    )
    frame.write_ndjson(f"incoming/{day}.jsonl")


def _summary(day: str) -> dict[str, object]:
    return json.loads(Path(OUTPUT, day, "summary.json").read_text())


def test_dates_are_inclusive_and_cross_months() -> None:
    assert [str(d) for d in date_range(date(2024, 2, 28), date(2024, 3, 1))] == [
        "2024-02-28",
        "2024-02-29",
        "2024-03-01",
    ]
    assert date_range(date(2026, 1, 1), date(2026, 1, 1)) == [date(2026, 1, 1)]
    with pytest.raises(ValueError, match="the first, 2026-01-02, comes after the last, 2026-01-01"):
        date_range(date(2026, 1, 2), date(2026, 1, 1))


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "20260101", "2026-W01-1", ""])
def test_what_is_no_date_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"date {text!r}: expected YYYY-MM-DD"):
        parse_date(text)


def test_a_finished_night_is_skipped(bundle: str) -> None:
    _documents("2026-01-01", 3)
    day = date(2026, 1, 1)
    first = score_and_time(day, ScoringOptions(source=INPUT, bundle=Path(bundle)))
    assert (first.state, first.rows_in, first.predictions, first.rejected) == ("scored", 3, 3, 0)
    Path("incoming/2026-01-01.jsonl").unlink()
    again = score_and_time(day, ScoringOptions(source=INPUT, bundle=Path(bundle)))
    assert (again.state, again.predictions) == ("skipped", 3)


@pytest.mark.parametrize(
    ("scheduled", "zone", "night"),
    [
        ("2026-01-02T00:30:00+00:00", "Europe/Berlin", "2026-01-01"),
        ("2026-01-01T23:30:00+00:00", "Europe/Berlin", "2026-01-01"),
        ("2026-01-02T00:30:00+00:00", "America/New_York", "2025-12-31"),
        ("2026-03-29T00:30:00+00:00", "Europe/Berlin", "2026-03-28"),
    ],
)
def test_a_night_is_the_day_before_its_scheduled_start(scheduled: str, zone: str, night: str) -> None:
    assert str(night_before(datetime.fromisoformat(scheduled), zone)) == night


def test_only_what_may_be_gone_later_is_tried_again() -> None:
    task = scheduled_night

    def tried(error: Exception) -> bool:
        return task.retry_condition_fn(task, None, Failed(data=error))

    assert tried(FileNotFoundError("incoming/2026-01-01.jsonl")) and tried(OSError("No space left on device"))
    assert (
        not tried(NightRefused("drift"))
        and not tried(ModelBroken("all"))
        and not tried(NightConflict("other"))
    )
    assert task.retries == len(RETRY_SECONDS) and task.cache_policy == NO_CACHE
    assert score_in_subprocess.retries == 0 and score_in_subprocess.cache_policy == NO_CACHE


def test_the_summary_is_a_file_too() -> None:
    outcomes = [
        NightOutcome(
            day=date(2026, 1, 1),
            state="scored",
            seconds=2.04,
            rows_in=31,
            predictions=30,
            rejected=1,
            warnings=("far", "farther"),
        ),
        NightOutcome(day=date(2026, 1, 2), state="failed", error="no such file, 文\nat all"),
    ]
    read = pl.read_csv(write_backfill_summary(outcomes))
    assert read.to_dicts() == [row | {"note": row["note"] or None} for row in outcome_rows(outcomes)]
    assert read["note"].to_list() == ["warnings: 2 (reports/nights/2026-01-01.html)", "no such file, 文"]
    assert read["seconds"].to_list() == [2.0, 0.0]


def test_accepted_drift_and_warnings_reach_the_night(bundle: str) -> None:
    _documents("2026-01-01", 3)
    night = score_and_time(
        date(2026, 1, 1), ScoringOptions(source=INPUT, bundle=Path(bundle), accept_drift=True)
    )
    # The tiny bundle has no profile to compare with.
    assert [line.split(":")[0] for line in night.warnings] == ["compared_with"]
    assert _summary("2026-01-01")["accepted_drift"] is True
    assert outcome_lines([night])[1].endswith("warnings: 1 (reports/nights/2026-01-01.html)")


def test_the_nightly_flow_scores_that_day(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.fromisoformat("2026-01-02T00:30:00+00:00")
    monkeypatch.setattr("flows.nightly.flow_run", SimpleNamespace(scheduled_start_time=start))
    # Without its task, which asks a server.
    monkeypatch.setattr("flows.nightly.scheduled_night", scheduled_night.fn)
    _documents("2026-01-01", 1)
    with disable_run_logger():
        assert nightly_score.fn(timezone="Europe/Berlin", bundle=bundle) == "2026-01-01"
    assert _summary("2026-01-01")["predictions"] == 1


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(ValueError, match="timezone 'Berlin': no such zone"):
        night_before(datetime.now(UTC), "Berlin")


@pytest.mark.parametrize(
    ("first", "last", "source", "says"),
    [
        ("2026-13-01", "2026-01-02", INPUT, "date '2026-13-01'"),
        ("2026-01-03", "2026-01-02", INPUT, "comes after"),
        ("2026-01-01", "2026-01-02", "incoming/all.jsonl", "expected {date} in it"),
    ],
)
def test_wrong_arguments_are_said_before_anything_runs(
    first: str, last: str, source: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--from", first, "--to", last, "--input", source]) == 1
    assert says in capsys.readouterr().err
    assert not Path(OUTPUT).exists()


@pytest.mark.slow
def test_a_failed_night_stops_no_other_and_is_tried_again(folder: Path, bundle: str, run_module) -> None:
    params = yaml.safe_dump(tiny.SETTINGS | {"score": {"nights_at_once": 2}}, allow_unicode=True)
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    _documents("2026-01-01", 2)
    twice = pl.DataFrame({"doc_id": ["a", "a"], "text": ["Stir the soup.", "Bake a cake."]})
    twice.write_ndjson("incoming/2026-01-03.jsonl")
    days = ["--from", "2026-01-01", "--to", "2026-01-03", "--input", INPUT, "--bundle", bundle]

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
    _documents("2026-01-02", 1)
    _documents("2026-01-03", 4)
    done = run_module("flows.backfill", *days, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "2026-01-01  skipped" in done.stdout + done.stderr
    summary = pl.read_csv("reports/nights/backfill.csv")
    assert summary["state"].to_list() == ["skipped", "scored", "scored"]
    assert summary["predictions"].to_list() == [2, 1, 4]
    assert Path(OUTPUT, "2026-01-01", "summary.json").stat().st_mtime_ns == stamp
    committed = [night for _, _, night in read_nights(DeltaTable("data/scored/predictions"))]
    assert len({night.flow_run for night in committed}) == 3  # each a run of its own


@pytest.mark.slow
def test_a_night_whose_process_is_killed_is_said(
    folder: Path, bundle: str, run_module, monkeypatch: pytest.MonkeyPatch
) -> None:
    _documents("2026-01-01", 1)
    monkeypatch.setenv(steps.VARIABLE, steps.CUT)
    days = ["--from", "2026-01-01", "--to", "2026-01-01", "--input", INPUT, "--bundle", bundle]
    killed = run_module("flows.backfill", *days, cwd=folder)
    assert killed.returncode == 1
    assert "1 of 1 nights failed" in killed.stderr and "2026-01-01: killed by signal 9" in killed.stderr
