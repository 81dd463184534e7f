"""The scheduled flow."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed

from flows.backfill import score_in_subprocess
from flows.night import NightRefused
from flows.night_outcomes import outcome_lines
from flows.night_schedule import NightSchedule
from flows.nightly import RETRY_SECONDS, nightly_score, scheduled_night, score_and_time
from flows.scoring_options import ScoringOptions
from mgm.scoring.commits import NightConflict
from mgm.scoring.isolation import ModelBroken
from tests import tiny_corpora
from tests.flows.incoming import INPUT, read_summary, write_documents


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project
    return tmp_path


def test_finished_night_is_skipped(bundle: Path) -> None:
    write_documents("2026-01-01", 3)
    day = date(2026, 1, 1)
    first = score_and_time(day, ScoringOptions(source=INPUT, bundle=bundle))
    assert (first.state, first.rows_in, first.predictions, first.rejected) == ("scored", 3, 3, 0)
    Path("incoming/2026-01-01.jsonl").unlink()
    again = score_and_time(day, ScoringOptions(source=INPUT, bundle=bundle))
    assert (again.state, again.predictions) == ("skipped", 3)


def test_retries() -> None:
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


def test_accepted_drift_and_warnings(bundle: Path) -> None:
    write_documents("2026-01-01", 3)
    night = score_and_time(date(2026, 1, 1), ScoringOptions(source=INPUT, bundle=bundle, accept_drift=True))
    # The tiny bundle has no profile to compare with.
    assert [line.split(":")[0] for line in night.warnings] == ["compared_with"]
    assert read_summary("2026-01-01")["accepted_drift"] is True
    assert outcome_lines([night])[1].endswith("warnings: 1 (reports/nights/2026-01-01.html)")


@pytest.fixture
def start_flow(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, list[str]]]:
    """Run the flow at a scheduled start, by a schedule and without its task, which asks a server; gives the date and the log."""
    lines: list[str] = []
    logger = SimpleNamespace(info=lines.append, warning=lines.append)
    monkeypatch.setattr("flows.nightly.get_run_logger", lambda: logger)
    monkeypatch.setattr("flows.nightly.scheduled_night", scheduled_night.fn)
    monkeypatch.setattr("flows.nightly.time.sleep", lambda seconds: lines.append(f"slept {seconds:.0f} s"))

    def start(time: str, schedule: NightSchedule | None = None, **parameters: str) -> tuple[str, list[str]]:
        lines.clear()
        begin = SimpleNamespace(scheduled_start_time=datetime.fromisoformat(time))
        monkeypatch.setattr("flows.nightly.flow_run", begin)
        if schedule is not None:
            monkeypatch.setattr("flows.nightly._read_schedule", lambda timezone: schedule)
        return nightly_score.fn(bundle=str(bundle), **parameters), lines

    return start


def test_nightly_flow(start_flow: Callable[..., tuple[str, list[str]]]) -> None:
    write_documents("2026-01-01", 1)
    day, lines = start_flow("2026-01-02T00:30:00+00:00", timezone="Europe/Berlin")
    assert day == "2026-01-01" and read_summary("2026-01-01")["predictions"] == 1
    assert not any("slept" in line or "ignored" in line or "not in the table" in line for line in lines)


def test_a_run_that_comes_twice_says_that_the_night_is_there(
    start_flow: Callable[..., tuple[str, list[str]]],
) -> None:
    write_documents("2026-01-01", 1)
    start_flow("2026-01-02T00:30:00+00:00")
    day, lines = start_flow("2026-01-02T00:30:00+00:00")
    assert day == "2026-01-01" and any(line.startswith("2026-01-01  skipped") for line in lines)


def test_the_schedules_time_zone_holds_and_what_it_left_out_is_named(
    start_flow: Callable[..., tuple[str, list[str]]],
) -> None:
    """A parameter left at UTC beside a cron in Berlin would score 2025-12-31 here; the dates of no run are no gap."""
    schedule = NightSchedule(timezone="Europe/Berlin", rule={"cron": "30 0 * * 2-6"})  # Monday to Friday
    for day in ("2026-01-01", "2026-01-06"):
        write_documents(day, 1)
    assert start_flow("2026-01-01T23:30:00+00:00", schedule, timezone="UTC")[0] == "2026-01-01"
    day, lines = start_flow("2026-01-06T23:30:00+00:00", schedule, timezone="UTC")
    assert day == "2026-01-06"
    assert (
        "parameter timezone UTC: ignored, the schedule is in Europe/Berlin; take it out of the deployment"
        in lines
    )
    assert (
        "not in the table: 2026-01-02, 2026-01-05; `mgm backfill --from 2026-01-02 --to 2026-01-05` scores what is missing"
        in lines
    )


def test_a_run_that_prefect_starts_before_its_date_is_over_waits(
    start_flow: Callable[..., tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clocks of Santiago leave out 00:15, and Prefect starts the run at 23:15, three quarters of an hour before midnight."""
    now = datetime.fromisoformat("2026-09-06T03:15:00+00:00")
    monkeypatch.setattr("flows.nightly.datetime", SimpleNamespace(now=lambda zone: now))
    write_documents("2026-09-05", 1)
    schedule = NightSchedule(timezone="America/Santiago", rule={"cron": "15 0 * * *"})
    day, lines = start_flow(now.isoformat(), schedule)
    assert day == "2026-09-05" and "slept 3600 s" in lines


def test_a_night_is_whole_where_missing_dates_cannot_be_found(
    start_flow: Callable[..., tuple[str, list[str]]],
) -> None:
    write_documents("2026-01-01", 1)
    schedule = NightSchedule(rule={"rrule": "FREQ=NEVER"})
    day, lines = start_flow("2026-01-02T00:30:00+00:00", schedule)
    assert day == "2026-01-01" and lines[-1].startswith(
        "whether dates are missing in the table is not known: "
    )
