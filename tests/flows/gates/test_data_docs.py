"""Data Docs: what the pages say, that they need nothing from outside, and that none is lost or kept for ever."""

import json
import multiprocessing
import os
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from multiprocessing.synchronize import Barrier
from pathlib import Path

import polars as pl
import pytest

from flows.gates import data_docs
from flows.gates.data_docs import write_page
from flows.gates.suite import SUITES
from flows.gates.verdict import Finding, Outcome, Verdict
from tests.browser import HOSTILE, TITLE, WIDTHS, look

ROOT = Path(__file__).parents[3]
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FETCHING = {"src", "srcset", "href", "data", "poster", "action", "background", "manifest", "xlink:href"}


class Page(HTMLParser):
    """The visible text of a page, its links, and whatever a browser would fetch for it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.pieces: list[str] = []
        self.style = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in FETCHING:
                self.fetched.append(value or "")
            elif name == "style":
                self.style += value or ""

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.style += data
        else:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.pieces))

    def linked(self) -> set[Path]:
        return {(self.path.parent / link).resolve() for link in self.links}


def outcome(severity: str = "critical", passed: bool = True, **change: str | list[str] | None) -> Outcome:
    finding: dict = {
        "suite": "demo.json",
        "corpus": "notes",
        "severity": severity,
        "expectation": "expect_it",
    }
    finding |= {"frame": "documents", "column": "text", "observed": "3", "threshold": "max_value 2"}
    finding |= {"rows": [], "examples": [], "notes": ""} | change
    return Outcome(finding=Finding(**finding), passed=passed, description="text must be it.")


def verdict(*outcomes: Outcome, gate: str = "ingest", corpus: str | None = "notes") -> Verdict:
    failed = [o.finding for o in outcomes if not o.passed]
    warnings = [f for f in failed if f.severity == "warning"]
    failures = [f for f in failed if f.severity == "critical"]
    return Verdict(
        gate=gate,
        corpus=corpus,
        num_checks=len(outcomes),
        warnings=warnings,
        failures=failures,
        outcomes=list(outcomes),
    )


def consistent(folder: Path) -> int:
    """Checks that the index links to every page that has its JSON and to no other; the number of pages."""
    linked = Page(folder / "index.html").linked()
    assert linked == {path.with_suffix(".html").resolve() for path in folder.rglob("*.json")}
    assert all(path.is_file() for path in linked)
    return len(linked)


def test_a_page_shows_every_expectation_of_the_suite(project, documents):
    """A page says of every expectation what the suite and the data say."""
    bad = documents.with_columns(
        lang=pl.when(pl.col("split") == "train").then(pl.lit("<b>english</b>")).otherwise("lang")
    )
    project.write("ingest", bad, rejected=1)
    found = project.run("ingest")
    page = Page(write_page(Path("docs"), found, at=START, keep=10))
    suite = json.loads((SUITES / "ingest.json").read_text(encoding="utf-8"))["expectations"]
    assert len(found.outcomes) == len(suite) == found.num_checks
    for expectation, outcome in zip(suite, found.outcomes, strict=True):
        finding = outcome.finding
        assert (finding.expectation, finding.column) == (
            expectation["type"],
            expectation["kwargs"]["column"],
        )
        for piece in (
            outcome.description,
            finding.column,
            finding.frame,
            finding.observed,
            finding.threshold,
        ):
            assert piece and piece in page.text
        assert expectation["notes"] in page.text
    assert "lang values must belong to this set: en zh mixed other." in page.text
    assert "30 of 40 rows (75.00%): <b>english</b>" in page.text and "b" not in page.tags
    for doc_id in [f"d{i}" for i in range(10)]:
        assert doc_id in page.text
    assert "d10" not in page.text
    assert "reject_share values must be less than or equal to 0.005." in page.text
    assert "max_value 0.005 (params.yaml: gates.ingest.reject_warn)" in page.text
    assert "r0 (text_too_short)" in page.text
    assert "2026-01-02 03:04:05 UTC" in page.text and "ingest gate, notes Stopped" in page.text
    assert consistent(Path("docs")) == 1


def test_failures_warnings_and_implied_ones_stand_apart(tmp_path):
    """What warned what stopped and what is implied stand apart."""
    stopped = outcome(passed=False, notes="a stop")
    implied = outcome("warning", passed=False, notes="implied")
    warned = outcome("warning", passed=False, notes="a warning", column="lang")
    found = verdict(stopped, implied, warned, outcome(notes="fine"))
    found.warnings.remove(implied.finding)
    text = Page(write_page(tmp_path, found, at=START, keep=10)).text
    order = [
        "1 failed, 1 warned, 1 implied by a failure, 1 passed",
        "What stopped it",
        "a stop",
        "Warnings",
        "a warning",
        "Warnings that a failure implies",
        "implied",
        "Passed",
        "fine",
    ]
    places = [text.index(order[0])]
    for piece in order[1:]:
        places.append(text.index(piece, places[-1]))
    index = Page(tmp_path / "index.html").text
    assert "ingest notes stopped 4 1 1 2026-01-02 03:04:05" in index


def test_the_index_shows_the_last_run_of_every_gate(tmp_path):
    """The index shows the last run of every gate and what stopped first."""
    later = START + timedelta(days=1)
    write_page(tmp_path, verdict(outcome(passed=False)), at=START, keep=10)
    write_page(tmp_path, verdict(outcome("warning", passed=False), gate="clean"), at=START, keep=10)
    write_page(tmp_path, verdict(outcome(), gate="features", corpus=None), at=START, keep=10)
    text = Page(tmp_path / "index.html").text
    assert "1 stopped 1 passed with warnings 1 passed" in text and "Earlier" not in text
    assert text.index("ingest notes stopped") < text.index("clean notes passed with warnings")
    assert text.index("clean notes") < text.index("features all passed 1 0 0")
    write_page(tmp_path, verdict(outcome()), at=later, keep=10)
    text = Page(tmp_path / "index.html").text
    assert "ingest notes passed 1 0 0 2026-01-03" in text and "1 passed with warnings 2 passed" in text
    assert "Earlier runs ingest, notes: 1 2026-01-02 03:04:05 stopped 0 warnings, 1 failures" in text
    assert consistent(tmp_path) == 4


def test_a_page_links_the_index_and_fetches_nothing(tmp_path):
    """A page leads back to the index and asks for nothing outside."""
    address = outcome(passed=False, rows=["http://a.example/x.js", "//b.example"], notes="https://c.example")
    for corpus in ("notes", None):
        page = Page(write_page(tmp_path, verdict(address, outcome(), corpus=corpus), at=START, keep=10))
        assert page.linked() == {tmp_path / "index.html"}
        for read in (page, Page(tmp_path / "index.html")):
            assert read.fetched == ["data:,"]
            assert not {"script", "img", "iframe", "object", "embed", "base"} & read.tags
            assert not re.search(r"url\(|@import|https?:|expression\(", read.style)


def test_only_the_last_pages_of_a_gate_and_corpus_stay(tmp_path):
    for day in range(5):
        for corpus in ("notes", "poems", None):
            keep = 1 if corpus == "poems" else 3
            write_page(tmp_path, verdict(outcome(), corpus=corpus), at=START + timedelta(days=day), keep=keep)
            consistent(tmp_path)
    assert [p.name[:8] for p in sorted((tmp_path / "ingest/notes").glob("*.html"))] == [
        "20260104",
        "20260105",
        "20260106",
    ]
    assert len(list((tmp_path / "ingest/poems").iterdir())) == 2
    assert len(list((tmp_path / "ingest").glob("*.html"))) == 3
    assert "20260102" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_time_of_another_zone_is_shown_in_utc(tmp_path):
    from zoneinfo import ZoneInfo

    page = write_page(tmp_path, verdict(outcome()), at=START.astimezone(ZoneInfo("Asia/Shanghai")), keep=1)
    assert "2026-01-02 03:04:05 UTC" in Page(page).text and page.name.startswith("20260102T030405")


def test_no_pages_to_keep_and_no_time_zone_are_refused(tmp_path):
    with pytest.raises(ValueError, match="found 0 pages to keep, expected 1 or more"):
        write_page(tmp_path, verdict(outcome()), at=START, keep=0)
    with pytest.raises(ValueError, match="has no time zone"):
        write_page(tmp_path, verdict(outcome()), at=START.replace(tzinfo=None), keep=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", range(3), ids=["page", "its JSON", "index"])
def test_an_end_at_any_step_leaves_the_last_good_index(tmp_path, monkeypatch, step):
    for day in range(2):
        write_page(tmp_path, verdict(outcome()), at=START + timedelta(days=day), keep=2)
    before = (tmp_path / "index.html").read_text(encoding="utf-8")
    steps = iter(range(3))

    def replace(source: Path, target: Path) -> None:
        if next(steps) == step:
            raise KeyboardInterrupt
        os.rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(data_docs.os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            write_page(tmp_path, verdict(outcome()), at=START + timedelta(days=2), keep=2)
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == before
    assert all(path.is_file() for path in Page(tmp_path / "index.html").linked())
    write_page(tmp_path, verdict(outcome()), at=START + timedelta(days=3), keep=2)
    assert consistent(tmp_path) == 2
    assert len(list((tmp_path / "ingest/notes").iterdir())) == 4 and not list(tmp_path.rglob("*.tmp"))


FORK = multiprocessing.get_context("fork")


def write_pages(folder: Path, corpus: str, times: int, start: Barrier | None = None) -> None:
    """Writes pages of one corpus, in a process of its own, from when all are ready."""
    if start is not None:
        start.wait(60)
    for _ in range(times):
        write_page(folder, verdict(corpus=corpus), at=datetime.now(UTC), keep=3)


def test_gates_that_finish_at_the_same_moment_lose_no_entry(tmp_path):
    start = FORK.Barrier(4)
    writers = [FORK.Process(target=write_pages, args=(tmp_path, f"corpus{i}", 5, start)) for i in range(4)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(60)
    assert [process.exitcode for process in writers] == [0] * 4
    assert consistent(tmp_path) == 12
    text = Page(tmp_path / "index.html").text
    assert all(f"ingest corpus{i} passed" in text for i in range(4))


def test_a_killed_process_leaves_a_whole_index_and_blocks_nobody(tmp_path):
    for wait in (0.05, 0.11, 0.23):
        process = FORK.Process(target=write_pages, args=(tmp_path, "notes", 10_000))
        process.start()
        time.sleep(wait)
        process.kill()
        process.join(60)
        if (tmp_path / "index.html").exists():
            assert all(path.is_file() for path in Page(tmp_path / "index.html").linked())
    write_page(tmp_path, verdict(outcome()), at=datetime.now(UTC), keep=3)
    assert 1 <= consistent(tmp_path) <= 3
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (Debian package chromium)")
def test_a_browser_shows_the_pages_without_scrolling(tmp_path):
    """The pages hold no script; the test adds one that measures them in frames of phone and desktop width."""
    long = outcome(
        passed=False, observed="x" * 400, rows=["y" * 90] * 10, threshold="z" * 200, column="c" * 80
    )
    page = write_page(tmp_path, verdict(long, outcome(observed="w" * 300)), at=START, keep=10)
    hostile = outcome(passed=False, observed=HOSTILE, rows=[HOSTILE], threshold=HOSTILE, column=HOSTILE)
    other = write_page(tmp_path, verdict(hostile), at=START + timedelta(days=1), keep=10)
    assert other.read_text(encoding="utf-8").count("&lt;script&gt;document.title=") >= 4
    seen = look(tmp_path, [*(p.relative_to(tmp_path).as_posix() for p in (page, other)), "index.html"])
    assert [one.width for one in seen] == [*WIDTHS, *WIDTHS, *WIDTHS]
    for one in seen:
        assert one.title != TITLE
        assert one.needed <= one.width and one.characters > 100
        assert one.requests == 0
