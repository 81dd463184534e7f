"""The page shows every number of the run's files, and names the files that are missing."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.evaluation.run_files import RunFiles
from mgm.evaluation.verdict import Check, judge
from mgm.files import file_sha256
from mgm.report.page import render
from tests.browser import HOSTILE, TITLE, WIDTHS, look, pages_of, print_pdf

VOID = {"meta", "link", "br", "path", "line", "circle", "polyline", "img"}


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


class Page(HTMLParser):
    """The page's visible text, and a check that its elements nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.pieces))


def interval(entry: dict[str, Any]) -> str:
    """Return an interval as the page shows it; a dash for one that no resample moves."""
    return "–" if entry["low"] == entry["high"] else f"{entry['low']:.3f} – {entry['high']:.3f}"


def test_every_number_of_the_files_is_shown(finished_run: RunFiles) -> None:
    text = Page(render(finished_run, {"git revision": "c0ffee"})).text
    metrics = json.loads((finished_run.root / "reports" / "metrics.json").read_text(encoding="utf-8"))
    for entry in metrics.values():
        for row in entry["table"]:
            assert f"{row['value']:.3f}" in text
    for path in sorted((finished_run.root / "reports" / "evaluation").iterdir()):
        found = json.loads(path.read_text(encoding="utf-8"))
        for entry in found["slices"]:
            assert f"{entry['name']} {entry['n']} {entry['value']:.3f} {interval(entry)}" in text
        for row in found["labels"] or []:
            if row["support"] and row["low"] is not None:
                assert f"{row['f1']:.3f} {interval(row)}" in text
        for state in (found["calibration"] or {}).get("before"), (found["calibration"] or {}).get("after"):
            assert state is None or f"{state['ece']:.3f}" in text
        for row in (found["coverage"] or {}).get("thresholds", []):
            share = f"{row['n']} {row['coverage']:.1%}"
            assert f"{share} {row['accuracy']:.3f}" in text if row["n"] else share in text
        for pair in (found["confusions"] or {}).get("pairs", []):
            assert f"{pair['predicted']} {pair['n']} times" in text
    for piece in (
        "Approved",
        "floor yes module: test macro_f1",
        "1.250 ms a document in the median repeat",
        "abcdef012345",
        "c0ffee",
        "expect_column_values_to_be_unique on text_hash",
        "of 4,321 words",
    ):
        assert piece in text
    for piece in (
        "not run (study)",
        "Listed but not trained: title",
        "All 18 labels",
        "never seen in training",
        "白日依山盡",
    ):
        assert piece in text
    assert "different runs" not in text
    assert "asleep" not in text[: text.rindex("params.yaml")]  # its corpus is switched off
    assert not finished_run.missing


def test_ngrams_alone_stand_beside_the_model(finished_run: RunFiles) -> None:
    """The first table says at which tasks the network earns its keep, and why a task has no linear model."""
    place = finished_run.root / "reports" / "metrics.json"
    metrics = json.loads(place.read_text(encoding="utf-8"))
    plain = Page(render(finished_run, {})).text
    assert "earn its keep" not in plain  # metrics of an earlier version
    metrics["module"]["linear"] = {
        "value": 0.1234,
        "difference": 0.25,
        "low": 0.125,
        "high": 0.5,
        "shown": "better",
    }
    metrics["valence"]["linear"] = {
        "value": 0.5,
        "difference": -0.125,
        "low": None,
        "high": None,
        "shown": "no interval",
    }
    metrics["ui_terms"]["linear"] = {"value": None, "why": "for a <reason>"}
    write(place, metrics)
    page = render(finished_run, {})
    text = Page(page).text
    assert "it is better at module ; without an interval at valence ." in text
    value = f"{metrics['module']['macro_f1']:.3f}"
    assert f"macro f1 {metrics['module']['baseline']:.3f} 0.123 {value}" in text
    assert "+0.250 +0.125 to +0.500" in text and "-0.125" in text
    assert "No n-grams alone for ui_terms: for a <reason>" in text
    assert "n-grams alone 0.123" in page  # the plot in words


def test_champion_comparison_is_a_table(finished_run: RunFiles) -> None:
    checks = [
        Check(
            check="champion",
            passed=True,
            why="a",
            task="module",
            metric="macro_f1",
            value=0.7,
            limit=0.69,
            difference=0.01,
            low=-0.02,
            high=0.04,
            n=90,
            p=0.4321,
            shown="no difference shown",
        ),
        Check(
            check="champion",
            passed=False,
            why="<b>",
            task="themes",
            metric="micro_f1",
            value=0.2,
            limit=0.3,
            difference=-0.1,
            low=-0.15,
            high=-0.05,
            n=80,
            p=0.0002,
            shown="worse",
        ),
        Check(
            check="champion",
            passed=True,
            why="valence: new, the champion has no such task",
            task="valence",
        ),
    ]
    measured = {"documents": 8, "problems": ["x"], "p50_ms": None}
    content = judge("abcdef0123456789", "fedcba9876543210", checks=checks, measured=measured)
    write(finished_run.root / "reports" / "promotion.json", content)
    text = Page(render(finished_run, {})).text
    assert "beside the champion fedcba987654" in text
    assert "module macro f1 0.700 0.690 +0.010 -0.020 to +0.040 0.432 90 no difference shown" in text
    assert "themes micro f1 0.200 0.300 -0.100 -0.150 to -0.050 <0.001 80 worse" in text
    assert "champion yes valence: new, the champion has no such task" in text
    assert "Refused abcdef012345 <b>" in text


def test_command_of_the_study_is_shown(finished_run: RunFiles) -> None:
    assert "<code>make study</code>" in render(finished_run, {}, study_command="make study")
    assert "Results that are not run" not in render(finished_run, {})


def test_document_text_is_escaped(finished_run: RunFiles) -> None:
    page = render(finished_run, {})
    assert "&lt;b&gt;Insert &amp; Table" in page
    assert "<b>Insert" not in page


def test_page_is_self_contained(finished_run: RunFiles) -> None:
    page = render(finished_run, {})
    assert not re.search(r"https?:|//[a-z]|<script|@import|url\(", page)


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("reports/metrics.json", "not in reports/metrics.json"),
        ("reports/evaluation/module.json", "reports/evaluation/module.json"),
        ("reports/promotion.json", "No verdict"),
        ("data/predictions/pages", "data/predictions/pages"),
        ("data/documents/poems", "The text was not found in data/documents/poems"),
        ("reports/live", "reports/live"),
        ("reports/training.json", "reports/training.json"),
        ("reports/stages/clean/poems.json", "reports/stages/clean/poems.json"),
        ("reports/stages", "reports/stages/features.json"),
        ("reports/stages/vectors.json", "reports/stages/vectors.json"),
        ("reports/stages/deduplicate", "reports/stages/deduplicate/pages.json"),
        ("reports/gates/features.json", "reports/gates/features.json"),
    ],
    ids=[
        "metrics",
        "evaluation",
        "promotion",
        "predictions",
        "documents",
        "curves",
        "training",
        "stage of a corpus",
        "all stages",
        "vectors",
        "deduplicate",
        "gate",
    ],
)
def test_missing_file_is_named(finished_run: RunFiles, gone: str, expected: str) -> None:
    path = finished_run.root / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    text = Page(render(finished_run, {})).text
    assert expected in text
    assert "Files that were looked for and not found" in text


def test_files_of_different_runs_are_noted(finished_run: RunFiles) -> None:
    path = finished_run.root / "reports" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    metrics["module"]["n"] += 1
    write(path, metrics)
    assert "they are of different runs" in Page(render(finished_run, {})).text


def test_page_without_any_file(finished_run: RunFiles) -> None:
    for folder in ("data", "reports"):
        shutil.rmtree(finished_run.root / folder)
    assert "module" in Page(render(finished_run, {})).text


def test_failed_gate_is_shown(finished_run: RunFiles) -> None:
    finding = {"expectation": "expect_x", "column": None, "observed": "7", "threshold": "0"}
    failed = {
        "gate": "clean",
        "corpus": "poems",
        "passed": False,
        "checks": 3,
        "warnings": [],
        "failures": [finding],
    }
    write(finished_run.root / "reports" / "gates" / "failed" / "clean" / "poems.json", failed)
    assert "stopped 3 expect_x: observed 7, allowed 0" in Page(render(finished_run, {})).text


def replace_label(root: Path, old: str, new: str) -> None:
    """Replace a label in every file of a run."""
    for path in root.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(json.dumps(old), json.dumps(new)), encoding="utf-8")
    for path in root.rglob("*.parquet"):
        frame = pl.read_parquet(path)
        strings = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        before = file_sha256(path)
        frame.with_columns(pl.col(strings).replace(old, new)).write_parquet(path)
        parts = path.with_name("_parts.json")
        if parts.is_file():
            parts.write_text(parts.read_text().replace(before, file_sha256(path)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (Debian package chromium)")
def test_page_fits_phone_and_desktop(finished_run: RunFiles, tmp_path: Path) -> None:
    """The page holds no script; the test adds one that measures it in frames of both widths.

    A label that is a script is text, too.
    """
    replace_label(finished_run.root, "draw", HOSTILE)
    page = render(finished_run, {})
    assert page.count("&lt;script&gt;document.title=") > 3
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    seen = look(tmp_path, ["page.html"])
    assert [one.width for one in seen] == list(WIDTHS)
    for one in seen:
        assert one.title != TITLE
        assert one.needed <= one.width
        assert one.requests == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (Debian package chromium)")
def test_folded_parts_are_printed(finished_run: RunFiles, tmp_path: Path) -> None:
    """Parts that are folded on the screen are open on paper, so the print without them is shorter."""
    page = render(finished_run, {})
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    (tmp_path / "short.html").write_text(
        re.sub(r"<details.*?</details>", "", page, flags=re.S), encoding="utf-8"
    )
    whole, short = (pages_of(print_pdf(tmp_path, f"{name}.html")) for name in ("page", "short"))
    assert whole > short > 3
