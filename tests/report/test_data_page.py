import json
import re
from pathlib import Path
from typing import Any

import pytest

from mgm.evaluation.run_files import Sources
from mgm.report.data_page import STAGES, data_page
from mgm.report.page import render
from mgm.report.plots import histogram, histogram_axis, share_bar


def change(sources: Sources, place: str, **values: Any) -> None:
    """Sets keys of a stage's statistics; None takes a key out."""
    path = Path(sources.root) / "reports" / "stages" / place
    content = json.loads(path.read_text(encoding="utf-8")) | values
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(content), encoding="utf-8")


def texts(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page[page.index('<section id="data">') :]))


def test_every_stage_and_corpus_is_shown_with_what_it_counted(finished_run: Sources) -> None:
    data = data_page(finished_run)
    assert data.rows.heads == ["read", *STAGES, "rejected"]
    assert data.rows.rows[0] == ("pages", ["130", *["120"] * 5, "50"])
    assert data.rejects.heads == ["pages", "poems"]
    assert data.rejects.rows == [(f"{stage}: text_too_short", ["10", "10"]) for stage in STAGES]
    text = dict(zip(data.text.heads, dict(data.text.rows)["pages"], strict=True))
    assert text["paragraphs"] == "345"
    assert dict(data.words.rows)["pages"] == ["55.0%", "9,876", "0.0%", "4.9%", "5.1%"]
    assert [lengths.name for lengths in data.lengths] == [
        "characters, cleaned",
        "words",
        "sentences",
        "characters, raw",
    ]
    assert not finished_run.missing


def test_cleaning_and_languages_say_how_many_and_what_is_off(finished_run: Sources) -> None:
    data = data_page(finished_run)
    steps = {
        corpus: dict(zip(data.cleaning.heads, cells, strict=True)) for corpus, cells in data.cleaning.rows
    }
    assert steps["pages"]["whitespace"] == "55 · 45.8%"
    assert (steps["pages"]["mojibake"], steps["pages"]["html"], steps["poems"]["html"]) == (
        "0",
        "6 · 5.0%",
        "off",
    )
    assert data.languages[0][2] == ["65.8%", "31.7%", "2.5%", "0", "4 · 3.3%"]


def test_duplicates_conflicts_and_stopwords(finished_run: Sources) -> None:
    data = data_page(finished_run)
    assert dict(data.duplicates.rows)["pages"] == ["11", "9", "5", "2", "3", "1"]
    assert data.by_task.rows == [("pages: module", ["3", "1"]), ("poems: themes", ["3", "1"])]
    conflict, listed = data.conflicts
    assert conflict.labels == [("pages/000", "<i>calc"), ("pages/001", "draw")]
    assert len(conflict.text) <= 161
    assert listed.labels == [("poems/000", "题材01, 题材02"), ("poems/001", "no label")]
    assert data.stopwords == [("pages", 5, ["click", "the <b>", "表格"])]
    page = render(finished_run, {})
    assert "&lt;i&gt;calc" in page
    assert "and 2 more" in texts(page)


def test_labels_of_every_kind_are_put_in_words(finished_run: Sources) -> None:
    span = {"start": 2, "end": 5, "label": "menuitem"}
    example = {"task": "ui_terms", "doc_ids": ["a", "b", "c"], "labels": [[span], [], 2.5]}
    change(finished_run, "deduplicate/pages.json", examples=[example])
    labels = data_page(finished_run).conflicts[0].labels
    assert [label for _, label in labels] == ["menuitem at 2–5", "no label", "2.5"]


def test_typical_words_stand_with_their_scores_and_documents(finished_run: Sources) -> None:
    text = texts(render(finished_run, {}))
    assert "module: 3 labels" in text
    assert "calc 70 cell 12.3 &lt;td&gt; 9.1" in text
    assert "base – none stands out" in text
    assert "明月 5.5 霜 4.2" in text


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"source": "train", "algorithm": "fasttext", "coverage": 1.0},
            "trained on these corpora (fasttext), which hold 100.0%",
        ),
        ({"source": "file", "algorithm": None, "coverage": 0.5}, "vectors from a file, which hold 50.0%"),
        ({"source": "none", "algorithm": None, "coverage": None}, "Word embeddings begin at random."),
    ],
)
def test_where_word_vectors_come_from_is_said(
    finished_run: Sources, facts: dict[str, Any], said: str
) -> None:
    path = finished_run.root / "reports" / "stages" / "vectors.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    assert said in texts(render(finished_run, {}))


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("clean/pages.json", ["steps", "languages", "language_disagrees", "edited", "characters"]),
        ("deduplicate/pages.json", ["clusters", "conflicts", "labels_lost", "examples"]),
        ("stopwords/pages.json", ["derived", "derived_stopwords", "content_words"]),
        ("tokenize/pages.json", ["words", "words_per_document", "sentences_per_document"]),
        ("features.json", ["top_words", "corpora", "labels", "vocabulary_words"]),
    ],
)
def test_what_was_not_measured_is_left_out(finished_run: Sources, place: str, keys: list[str]) -> None:
    change(finished_run, place, **dict.fromkeys(keys))
    assert "The data" in render(finished_run, {})


def test_a_corpus_without_documents_has_empty_plots(finished_run: Sources) -> None:
    nothing = {"quantiles": {}, "histogram": []}
    for corpus in ("pages", "poems"):
        change(finished_run, f"tokenize/{corpus}.json", words_per_document=nothing)
    assert "histogram of 0 documents" in render(finished_run, {})
    assert 'aria-label="none"' in share_bar({"en": 0})


def test_histograms_share_their_axis_and_name_their_bins() -> None:
    plot = histogram({0: 1, 1: 2, 4: 40}, last=1024)
    assert re.findall(r"<title>(.*?)</title>", plot) == [
        "0: 1 of 43 documents",
        "1: 2 of 43 documents",
        "4 to 7: 40 of 43 documents",
    ]
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"><title>', plot)]
    assert heights == [1.0, 1.2, 24.0]
    assert re.findall(r">([\w]+)</text>", histogram_axis(4096)) == ["1", "16", "256", "4k"]
    assert histogram({4: 1}, 1024).split('width="')[1][:4] == histogram({8: 1}, 1024).split('width="')[1][:4]
