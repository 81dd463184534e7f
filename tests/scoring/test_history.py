"""The commits of a table from the newest back, and the version in which rows that were replaced can be read."""

from pathlib import Path

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable

from mgm.scoring import delta
from mgm.scoring.history import TableHistory, newest_commits
from tests.scoring.nights import DAY, clean_log

SCHEMA = delta.with_date(pl.Schema({"doc_id": pl.String}))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def commit(number: int) -> None:
    """Replace the rows of the first date."""
    delta.replace_date(
        delta.open_or_create_table("table", SCHEMA),
        "table",
        day=DAY,
        schema=SCHEMA,
        frames=[pl.DataFrame({"doc_id": [str(number)]})],
        properties=CommitProperties(custom_metadata={"date": DAY.isoformat(), "number": str(number)}),
    )


def numbers(count: int | None = None) -> list[str]:
    commits = newest_commits(DeltaTable("table"))
    return [c["number"] for c, _ in zip(commits, range(count or 1000), strict=False) if "number" in c]


def test_the_newest_come_first_and_none_is_missed() -> None:
    """The commits are more than the first piece of the log, whose size is no multiple of theirs."""
    for number in range(40):
        commit(number)
    assert numbers() == [str(number) for number in reversed(range(40))]
    assert numbers(3) == ["39", "38", "37"]


def test_a_cleaned_log_ends_early() -> None:
    for number in range(20):
        commit(number)
    assert not TableHistory.read(DeltaTable("table")).is_cleaned
    clean_log("table")
    history = TableHistory.read(DeltaTable("table"))
    assert history.is_cleaned and [c["version"] for c in history.commits] == [21]
    assert numbers() == []


def test_replaced_rows_are_read_in_the_last_version_that_has_them() -> None:
    commit(0)
    DeltaTable("table").alter.set_table_properties({"delta.checkpointInterval": "50"})
    commit(1)
    history = TableHistory.read(DeltaTable("table"))
    assert history.versions == {"2026-01-01": [3, 1]}
    assert history.last_version_with("2026-01-01", 1) == 2
    assert history.last_version_with("2026-01-01", 3) is None
    assert history.last_version_with("2026-01-02", 1) is None
    assert history.last_versions_of_replaced() == [2]
    assert pl.read_delta("table", version=2)["doc_id"].to_list() == ["0"]
