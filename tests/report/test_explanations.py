"""The section on explanations, and the explained answers of each task."""

import re

from mgm.evaluation.run_files import RunFiles
from mgm.report.explanations import read_explanations, read_task_explanations
from mgm.report.page import render
from mgm.tasks import Task


def section(page: str, name: str) -> str:
    """The text of a section, blanks evened out."""
    found = re.search(rf'<section id="{name}">(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def task(run_files: RunFiles, name: str) -> Task:
    return next(t for t in run_files.settings.active_tasks() if t.name == name)


def test_masking_faithfulness_and_doubts(finished_run: RunFiles) -> None:
    text = section(render(finished_run, {}), "explanations")
    assert "character -0.200 -0.200 not read -0.200" in text
    assert "character and word not read not read -0.400 not read" in text
    assert "module character -0.200 -0.250 to -0.150 worse 90" in text
    assert "module character 75.0% , window 2 25.0%" in text
    assert "(10%, 50% of the document's words, averaged)" in text
    assert "module 0.400 0.100 +0.300 +0.200 to +0.400 faithful 10 11 of 12 6.1%" in text
    assert "valence 0.100 0.200 -0.100 -0.200 to -0.050 worse than random" in text
    assert "module 80 of 90" in text
    assert "module 110 7 6.4%" in text
    assert "ui_terms not searched: spans are no fixed items" in text


def test_fusion_without_gates(finished_run: RunFiles) -> None:
    path = finished_run.root / "data" / "explanations" / "gates.json"
    path.write_text('{"fusion": "concat", "weights": {}}', encoding="utf-8")
    assert "The fusion is concat , which has no gates" in section(render(finished_run, {}), "explanations")


def test_masks_are_ordered_from_characters_up(finished_run: RunFiles) -> None:
    page = read_explanations(finished_run)
    assert page is not None
    assert [row.name for row in page.masks] == ["character", "character and word", "window_2"]
    assert page.most_change == 0.4


def test_marked_words_are_escaped(finished_run: RunFiles) -> None:
    page = render(finished_run, {})
    assert '<mark class="for l4">Sum</mark> the <mark class="against l3">&lt;td&gt;</mark>. ' in page
    assert '<mark class="plain l0 answer">選單</mark><mark class="for l2">打開</mark>。' in page
    assert "88%</small>" in page
    assert "13%</small>" not in page or "12%</small>" in page
    text = section(page, "task-module")
    assert "wrong predicted calc labelled draw score 0.910" in text
    assert (
        "Explained: calc rather than draw. Against the average word the network adds +1.500, the n-grams add -0.250"
        in text
    )
    assert "the sum is off by 6.1% which is much" in text
    assert "labelled calc rather &lt;b&gt;draw probability 0.970 test" in text


def test_explained_error_is_not_shown_twice(finished_run: RunFiles) -> None:
    ids = re.findall(r"<code>pages · (pages/\d+)</code>", render(finished_run, {}))
    assert ids.count("pages/002") <= 1 + ids.count("pages/001")
    part = read_task_explanations(finished_run, task(finished_run, "module"))
    assert part is not None
    assert [example["doc_id"] for example in part.examples] == ["pages/002"]
    assert part.doubts[0].pieces[0].text.startswith("Choose <b>Insert")


def test_section_without_its_files_is_left_out(finished_run: RunFiles) -> None:
    for path in (finished_run.root / "data" / "explanations").iterdir():
        path.unlink()
    (finished_run.root / "reports" / "cost.json").unlink()
    page = render(finished_run, {})
    assert 'id="explanations"' not in page
    assert 'id="cost"' not in page
    assert "<code>data/explanations/masking.json</code>" in page
    assert "<code>reports/cost.json</code>" in page


def test_section_of_generation_tasks_alone_is_left_out(finished_run: RunFiles) -> None:
    folder = finished_run.root / "data" / "explanations"
    for path in folder.iterdir():
        path.write_text("{}" if path.stem != "gates" else path.read_text(encoding="utf-8"), encoding="utf-8")
    page = render(finished_run, {})
    assert '<section id="explanations">' not in page and '<section id="cost">' in page
