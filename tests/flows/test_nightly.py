"""The scheduled flow."""

from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from prefect.cache_policies import NO_CACHE
from prefect.logging import disable_run_logger
from prefect.states import Failed

from flows.backfill import score_in_subprocess
from flows.night import NightRefused
from flows.night_outcomes import outcome_lines
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


def test_nightly_flow(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.fromisoformat("2026-01-02T00:30:00+00:00")
    monkeypatch.setattr("flows.nightly.flow_run", SimpleNamespace(scheduled_start_time=start))
    # Without its task, which asks a server.
    monkeypatch.setattr("flows.nightly.scheduled_night", scheduled_night.fn)
    write_documents("2026-01-01", 1)
    with disable_run_logger():
        assert nightly_score.fn(timezone="Europe/Berlin", bundle=str(bundle)) == "2026-01-01"
    assert read_summary("2026-01-01")["predictions"] == 1
