"""The index of nights shows what nights leave behind, tolerates what is missing or broken, and fails no night."""

import logging
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from flows.night import NightRefused
from flows.night_facts import NightFacts, facts_path, read_facts, write_facts
from flows.night_files import REFUSED, VERDICT
from flows.night_page import NIGHTS, write_page
from flows.night_records import NightRecord, NightRecords, read_records
from flows.nights_index import INDEX, OTHERS, _with_others, render_index, try_write_index, write_index
from mgm.files import write_json
from mgm.scoring import commits, delta
from mgm.scoring.commits import Night, read_nights
from mgm.settings.gates import DriftGate
from mgm.settings.scoring import ScoreSettings
from tests import tiny_corpora
from tests.browser import HOSTILE, TITLE, look
from tests.scoring.nights import DAY, SETTINGS, documents, score, tables

FIRST = date(2026, 1, 1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents().write_ndjson("in.jsonl")


def night(number: int, **fields: Any) -> Night:
    """Return a night that many days after the first."""
    plain: dict[str, Any] = {
        "date": (FIRST + timedelta(days=number)).isoformat(),
        "revision": 1,
        "input_sha256": "0" * 64,
        "bundle": "b" * 64,
        "code": "",
        "dvc_lock": "",
        "flow_run": "",
        "rows_in": 1000 + number,
        "predictions": 990,
        "rejected": 10 + number,
        "reasons": {"text_too_short": 10 + number},
        "tasks": ["mood"],
        "as_corpus": None,
        "accepted_drift": False,
        "warnings": [],
    }
    return Night(**(plain | fields))


def facts(of: Night, labels: Mapping[str, Any] | None = None) -> NightFacts:
    return NightFacts(date=of.date, revision=of.revision, seconds=2.0, num_scored=500, labels=labels or {})


def record(number: int, **fields: Any) -> NightRecord:
    return NightRecord(day=FIRST + timedelta(days=number), **fields)


def page(*nights: NightRecord) -> str:
    return render_index(NightRecords(nights=list(nights), notes=[]), DriftGate())


def commit(of: Night) -> None:
    """Commit a night of one row."""
    schema = delta.with_date(pl.Schema({"doc_id": pl.String}))
    rows = pl.DataFrame({"doc_id": ["a"]})
    commits.commit_predictions(SETTINGS.table, of, schema=schema, frames=lambda: [rows])


def test_a_scored_night_leaves_facts_and_the_index(bundle: Path) -> None:
    """The recorded label mix is that of the rows in the table."""
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    left = read_facts(facts_path(DAY.isoformat()))
    predictions, _ = tables()
    counts: dict[str, int] = {}
    for row in predictions:
        counts[row["dish"]] = counts.get(row["dish"], 0) + 1
    assert left.labels["dish"]["labels"]["counts"] == dict(sorted(counts.items()))
    assert left.labels["price"]["values"]["n"] == len(predictions)
    assert (left.revision, left.num_scored) == (1, 31) and left.seconds > 0
    html = INDEX.read_text(encoding="utf-8")
    for piece in ('href="2026-01-01.html"', "dish: share of labels", "price: values", "30 of 31 documents"):
        assert piece in html
    assert "http" not in html and "<script" not in html


def test_a_refused_night_is_shown_as_such(bundle: Path) -> None:
    """Refused documents leave no page; when the night passes later, the refusal is gone."""
    blank = documents().with_columns(text=pl.lit(" "))
    blank.write_ndjson("blank.jsonl")
    with pytest.raises(NightRefused):
        score(DAY, "blank.jsonl", bundle, settings=SETTINGS)
    html = INDEX.read_text(encoding="utf-8")
    assert "2026-01-01 refused" in html and "blank_share: 1" in html
    assert f"({SETTINGS.staging_dir}/2026-01-01/gate_refused.json)" in html
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert "refused</strong>" not in INDEX.read_text(encoding="utf-8")
    with pytest.raises(NightRefused):
        score(DAY, "blank.jsonl", bundle, settings=SETTINGS, rescore=True)
    assert "scored; a later run was refused" in INDEX.read_text(encoding="utf-8")


def test_a_skipped_night_writes_the_index_only_where_it_is_gone(bundle: Path) -> None:
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    INDEX.write_text("as it was", encoding="utf-8")
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert INDEX.read_text(encoding="utf-8") == "as it was"
    INDEX.unlink()
    score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert "2026-01-01 scored" in INDEX.read_text(encoding="utf-8")


def test_an_index_that_cannot_be_written_fails_no_night(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the index nor the facts can be: the night is committed, and the log says why they are not there."""
    INDEX.mkdir(parents=True)
    facts_path(DAY.isoformat()).mkdir()
    with caplog.at_level(logging.WARNING, "flows"):
        summary = score(DAY, "in.jsonl", bundle, settings=SETTINGS)
    assert summary["state"] == "scored"
    assert len(read_nights(delta.open_table(SETTINGS.table))) == 1
    no_facts, no_index = (entry.getMessage() for entry in caplog.records if entry.name.startswith("flows"))
    assert "night 2026-01-01: its time and labels are not recorded" in no_facts and "directory" in no_facts
    assert "reports/nights/index.html: not rewritten" in no_index and "directory" in no_index
    assert not list(NIGHTS.glob("*.tmp"))


def test_a_table_that_cannot_be_read_keeps_the_old_index(caplog: pytest.LogCaptureFixture) -> None:
    commit(night(0))
    write_index(SETTINGS, DriftGate())
    before = INDEX.read_text(encoding="utf-8")
    for path in Path(SETTINGS.table).glob("_delta_log/*.json"):
        path.write_text("{", encoding="utf-8")
    with caplog.at_level(logging.WARNING, "flows"):
        try_write_index(SETTINGS, DriftGate())
    assert SETTINGS.table in caplog.text
    assert INDEX.read_text(encoding="utf-8") == before


def test_broken_and_older_files_are_left_out_with_a_note() -> None:
    """The counts, which the table has, stay."""
    staging = Path(SETTINGS.staging_dir)
    for number in range(5):
        commit(night(number))
    NIGHTS.mkdir(parents=True)
    (NIGHTS / "2026-01-01.json").write_text("{", encoding="utf-8")
    write_json(NIGHTS / "2026-01-02.json", {"date": "2026-01-02"})
    write_facts(facts(night(2, revision=7)))
    write_json(staging / "2026-01-04" / VERDICT, {"of another": "version"})
    write_json(staging / "2026-01-09" / REFUSED, {"failures": 3})
    (NIGHTS / "2025-12-31.html").write_text("", encoding="utf-8")
    (NIGHTS / "notes of mine.html").write_text("", encoding="utf-8")
    records = read_records(SETTINGS)
    notes = "\n".join(records.notes)
    for piece in (
        "reports/nights/2026-01-01.json: left out: ",
        "reports/nights/2026-01-02.json: left out: ",
        "reports/nights/2026-01-03.json: of revision 7, the table has 1",
        f"{staging}/2026-01-04/gate.json: left out: 'drift'",
        f"{staging}/2026-01-09/gate_refused.json: left out: ",
        "5 of 7 nights without a page",
        "5 of 7 nights without time and labels",
        "2 of 7 nights not in the table",
    ):
        assert piece in notes
    html = write_index(SETTINGS, DriftGate()).read_text(encoding="utf-8")
    assert "5 nights scored from 2025-12-31 to 2026-01-09: 4,950 of 5,010 documents, 60 rejected" in html
    assert 'href="2025-12-31.html"' in html and "notes of mine" not in html


def test_a_rescored_night_counts_once() -> None:
    commit(night(0))
    commit(night(0, revision=2, predictions=7))
    (only,) = read_records(SETTINGS).nights
    assert only.night is not None and (only.night.revision, only.night.predictions) == (2, 7)


def test_drift_is_the_largest_excess_of_each_statistic() -> None:
    rows = [
        {"statistic": "psi", "excess": 0.02},
        {"statistic": "psi", "excess": 0.3},
        {"statistic": "js", "excess": None},
    ]
    commit(night(0))
    write_json(Path(SETTINGS.staging_dir) / "2026-01-01" / VERDICT, {"drift": rows})
    (only,) = read_records(SETTINGS).nights
    assert only.drift == {"psi": 0.3}
    html = page(only)
    assert "Population stability index" in html and "Jensen-Shannon" not in html
    assert "<title>refuses above 0.25</title>" in html


def test_dates_without_a_night_and_new_bundles_are_pointed_out() -> None:
    html = page(
        record(0, night=night(0)), record(3, night=night(3, bundle="c" * 64)), record(4, refusal="<drift>")
    )
    assert "2 dates without a night" in html and "<time>2026-01-03</time>, <time>2026-01-02</time>" in html
    assert "<title>2026-01-04: bundle cccccccccccc</title>" in html
    assert "<title>2026-01-05: refused: &lt;drift&gt;</title>" in html
    assert "<drift>" not in html


def test_frequent_labels_have_lines_and_the_others_share_one() -> None:
    first, second = {f"label {i}": 10 - i for i in range(8)}, {"label 7": 5}
    lines = _with_others([(FIRST, first), (FIRST + timedelta(days=1), second)], _total(first, second))
    assert [name for name in lines if name != OTHERS] == [
        "label 0",
        "label 1",
        "label 2",
        "label 7",
        "label 3",
    ]
    for number, counts in enumerate((first, second)):
        assert sum(points[number][1] for points in lines.values()) == sum(counts.values())


def _total(*counts: Mapping[str, int]) -> Counter[str]:
    return sum((Counter(of_day) for of_day in counts), Counter[str]())


def test_a_year_of_nights_is_one_small_page() -> None:
    """Lines alone are drawn, since dots of so many nights would be a bar."""
    labels = {"mood": {"labels": {"n": 4, "counts": {"gut": 3, "<b>": 1}}}}
    nights = [record(i, night=night(i), facts=facts(night(i), labels)) for i in range(365)]
    html = page(*nights)
    assert html.count('<tr id="night-') == 365 and "<circle" not in html
    assert "&lt;b&gt;" in html and "<b>" not in html.replace("</b>", "")
    assert len(html) < 400_000
    assert page(*nights[:3]).count("<circle") == 3 * 6  # documents, a reason, two labels, seconds, speed


def test_the_index_reads_no_more_than_the_newest_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 nights it shows four, and reads of the log of the table no more than these are in."""
    for number in range(60):
        commit(night(number))
    limits: list[int | None] = []
    history = DeltaTable.history

    def counted(table: DeltaTable, limit: int | None = None) -> list[dict[str, Any]]:
        limits.append(limit)
        return history(table, limit)

    monkeypatch.setattr(DeltaTable, "history", counted)
    records = read_records(SETTINGS, newest=4)
    assert [each.day for each in records.nights] == [FIRST + timedelta(days=56 + i) for i in range(4)]
    assert all(each.night for each in records.nights) and records.num_older == 56
    assert limits == [16]
    html = render_index(records, DriftGate())
    assert "The newest nights" in html and "56 older dates are not shown" in html


def test_without_nights_there_is_a_page_too() -> None:
    assert "No nights yet" in write_index(ScoreSettings(), DriftGate()).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (Debian package chromium)")
def test_a_browser_shows_labels_that_are_scripts_as_text(tmp_path: Path) -> None:
    """On the page of a night and in the index: labels, tasks, reasons, corpora, warnings, refusals and what the model failed on."""
    hostile = night(
        1,
        reasons={HOSTILE: 11},
        tasks=[HOSTILE],
        as_corpus=HOSTILE,
        warnings=[HOSTILE],
        broken=[HOSTILE],
        predicted_by=HOSTILE,
    )
    drift = {
        "corpus": HOSTILE,
        "aspect": f"labels:{HOSTILE}",
        "statistic": HOSTILE,
        "value": 1.0,
        "noise": 0.0,
    }
    drift |= {"excess": 1.0, "drifted": HOSTILE, "drifted_far": HOSTILE}
    own = write_page(hostile, {"drift": [drift]})
    labels = {HOSTILE: {"labels": {"counts": {HOSTILE: 3, "b": 4}, "n": 7}}}
    shown = NightRecord(
        day=FIRST + timedelta(days=1),
        night=hostile,
        facts=facts(hostile, labels),
        drift={HOSTILE: 0.2},
        refusal=HOSTILE,
        page=own.name,
    )
    INDEX.write_text(
        render_index(NightRecords(nights=[shown], notes=[HOSTILE]), DriftGate()), encoding="utf-8"
    )
    pages = [own, INDEX]
    for path, count in zip(pages, (8, 4), strict=True):
        assert path.read_text(encoding="utf-8").count("&lt;script&gt;document.title=") >= count
    for one in look(own.parent.absolute(), [path.name for path in pages]):
        assert one.title != TITLE and one.characters > 100 and one.requests == 0
