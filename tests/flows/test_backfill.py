import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from prefect.logging import disable_run_logger

from flows.backfill import (
    Night,
    NightsFailed,
    backfill,
    dates,
    main,
    night_before,
    nightly_score,
    score_night,
    table,
)
from flows.score import parse_date
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
    assert [str(d) for d in dates(date(2024, 2, 28), date(2024, 3, 1))] == [
        "2024-02-28",
        "2024-02-29",
        "2024-03-01",
    ]
    assert dates(date(2026, 1, 1), date(2026, 1, 1)) == [date(2026, 1, 1)]
    with pytest.raises(ValueError, match="the first, 2026-01-02, comes after the last, 2026-01-01"):
        dates(date(2026, 1, 2), date(2026, 1, 1))


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "20260101", "2026-W01-1", ""])
def test_what_is_no_date_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"date {text!r}: expected YYYY-MM-DD"):
        parse_date(text)


def test_a_finished_night_is_skipped(bundle: str) -> None:
    _documents("2026-01-01", 3)
    day = date(2026, 1, 1)
    first = score_night(day, INPUT, bundle)
    assert (first.state, first.rows_in, first.predictions, first.rejected) == ("scored", 3, 3, 0)
    Path("incoming/2026-01-01.jsonl").unlink()
    again = score_night(day, INPUT, bundle)
    assert (again.state, again.predictions) == ("skipped", 3)


def test_a_failed_night_stops_no_other_and_is_tried_again(bundle: str) -> None:
    _documents("2026-01-01", 2)
    _documents("2026-01-03", 4)
    days = {"first": date(2026, 1, 1), "last": date(2026, 1, 3), "bundle": bundle}
    with disable_run_logger():
        with pytest.raises(
            NightsFailed, match=r"1 of 3 nights failed.*\n  2026-01-02: .*incoming/2026-01-02"
        ) as caught:
            backfill.fn(**days)
        assert "2026-01-01:" not in str(caught.value)
        assert _summary("2026-01-03")["predictions"] == 4
        stamp = Path(OUTPUT, "2026-01-03", "summary.json").stat().st_mtime_ns
        _documents("2026-01-02", 1)
        backfill.fn(**days)
    assert _summary("2026-01-02")["predictions"] == 1
    assert Path(OUTPUT, "2026-01-03", "summary.json").stat().st_mtime_ns == stamp


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


def test_a_night_that_the_gate_stops_fails_with_its_reason_whose_first_line_is_in_the_table(
    bundle: str,
) -> None:
    frame = pl.DataFrame({"doc_id": ["a", "a"], "text": ["Stir the soup.", "Bake a cake."]})
    frame.write_ndjson("incoming/2026-01-01.jsonl")
    days = {"first": date(2026, 1, 1), "last": date(2026, 1, 1), "bundle": bundle, "accept_drift": True}
    with disable_run_logger(), pytest.raises(NightsFailed, match="'a' stands already in") as caught:
        backfill.fn(**days)
    assert "2026-01-01: the gate stops these documents (doc_id); nothing was scored" in str(caught.value)
    (line,) = table([Night(date(2026, 1, 1), "failed", error=str(caught.value))])[1:]
    assert "\n" not in line and line.endswith("run again to try only those:")
    assert not Path(OUTPUT, "2026-01-01", "summary.json").exists()


def test_accepted_drift_and_warnings_reach_the_night(bundle: str) -> None:
    _documents("2026-01-01", 3)
    night = score_night(date(2026, 1, 1), INPUT, bundle, accept_drift=True)
    # The tiny bundle has no profile to compare with.
    assert [line.split(":")[0] for line in night.warnings] == ["compared_with"]
    assert _summary("2026-01-01")["accepted_drift"] is True
    assert table([night])[1].endswith("warnings: 1 (reports/nights/2026-01-01.html)")


def test_the_nightly_flow_scores_that_day(bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.fromisoformat("2026-01-02T00:30:00+00:00")
    monkeypatch.setattr("flows.backfill.flow_run", SimpleNamespace(scheduled_start_time=start))
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
def test_the_command_line_fails_when_a_night_fails(folder: Path, bundle: str, run_module) -> None:
    _documents("2026-01-01", 2)
    arguments = ["--from", "2026-01-01", "--input", INPUT, "--bundle", bundle]
    failed = run_module("flows.backfill", *arguments, "--to", "2026-01-02", cwd=folder)
    assert failed.returncode == 1
    assert "1 of 2 nights failed" in failed.stderr
    done = run_module("flows.backfill", *arguments, "--to", "2026-01-01", cwd=folder)
    assert done.returncode == 0
    assert "2026-01-01  skipped" in done.stdout + done.stderr
