"""The section about the data shows the statistics of every stage."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mgm.evaluation.run_files import STAGES, RunFiles
from mgm.report.data import read_data
from mgm.report.page import render
from mgm.report.plots import share_bar


def change(run_files: RunFiles, place: str, **values: Any) -> None:
    """Set keys of a stage's statistics; None removes a key."""
    path = Path(run_files.root) / "reports" / "stages" / place
    content = json.loads(path.read_text(encoding="utf-8")) | values
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(content), encoding="utf-8")


def texts(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page[page.index('<section id="data">') :]))


def test_rows_of_every_stage_and_corpus(finished_run: RunFiles) -> None:
    data = read_data(finished_run)
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


def test_corrected_labels_since_the_champion(finished_run: RunFiles) -> None:
    """A run without corrections has no such table."""
    assert not read_data(finished_run).corrections.rows
    assert "Corrected labels" not in render(finished_run, {})
    labels = {"module": {"changed": 3, "confirmed": 1}}
    change(finished_run, "ingest/pages.json", corrections={"labels": labels, "added": 7})
    path = Path(finished_run.root) / "reports/promotion.json"
    verdict = json.loads(path.read_text(encoding="utf-8"))
    verdict["corrections"] = {"since_champion": {"pages": {"module": 2}}}
    path.write_text(json.dumps(verdict), encoding="utf-8")
    data = read_data(finished_run)
    assert data.corrections.heads == ["labels changed", "confirmed", "first labels", "changed since the champion"]  # fmt: skip
    assert data.corrections.rows == [("pages: module", ["3", "1", "0", "2"])]
    page = texts(render(finished_run, {}))
    assert "pages: module 3 1 0 2" in page and "pages: 7 new documents" in page


def test_cleaning_steps_and_languages(finished_run: RunFiles) -> None:
    data = read_data(finished_run)
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


def test_duplicates_conflicts_and_stopwords(finished_run: RunFiles) -> None:
    data = read_data(finished_run)
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


def test_splits_and_what_decides_them(finished_run: RunFiles) -> None:
    given = {"splits": {"train": 90, "valid": 12, "test": 18}, "split_by": "column 'split'"}
    change(finished_run, "ingest/pages.json", **given, split_column_unused=None)
    hashed = given | {"split_by": "hash of the group", "split_column_unused": "its values are 'a', '<b>'"}
    change(finished_run, "ingest/poems.json", **hashed)
    data = read_data(finished_run)
    assert data.splits.rows == [
        ("pages", ["90", "12", "18", "column 'split'"]),
        ("poems", ["90", "12", "18", "hash of the group"]),
    ]
    page = texts(render(finished_run, {}))
    assert "poems: the column split does not decide the splits: its values are" in page
    assert "pages: the column" not in page


def test_labelled_copies_that_were_dropped_are_shown_by_split(finished_run: RunFiles) -> None:
    labelled = {"train": 1000, "valid": 0, "test": 200}
    dropped = {"train": 22, "valid": 0, "test": 17}
    change(finished_run, "deduplicate/pages.json", labelled=labelled, labelled_copies=dropped)
    change(
        finished_run, "deduplicate/poems.json", labelled=labelled, labelled_copies=dict.fromkeys(dropped, 0)
    )
    assert read_data(finished_run).labelled_copies.rows == [("pages", ["22 · 2.2%", "0", "17 · 8.5%"])]
    assert "Labelled documents dropped as copies" in texts(render(finished_run, {}))


def test_labels_of_every_kind_as_text(finished_run: RunFiles) -> None:
    span = {"start": 2, "end": 5, "label": "menuitem"}
    example = {"task": "ui_terms", "doc_ids": ["a", "b", "c"], "labels": [[span], [], 2.5]}
    change(finished_run, "deduplicate/pages.json", examples=[example])
    labels = read_data(finished_run).conflicts[0].labels
    assert [label for _, label in labels] == ["menuitem at 2–5", "no label", "2.5"]


def test_typical_words_have_scores_and_documents(finished_run: RunFiles) -> None:
    text = texts(render(finished_run, {}))
    assert "module: 3 labels" in text
    assert "calc 70 cell 12.3 &lt;td&gt; 9.1" in text
    assert "base – none stands out" in text
    assert "明月 5.5 霜 4.2" in text


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"source": "train", "algorithm": "fasttext", "coverage": 1.0},
            "trained on these corpora (fasttext), which hold 100.0%",
        ),
        ({"source": "file", "algorithm": None, "coverage": 0.5}, "vectors from a file, which hold 50.0%"),
        ({"source": "none", "algorithm": None, "coverage": None}, "Word embeddings begin at random."),
    ],
    ids=["trained", "file", "none"],
)
def test_source_of_word_vectors(finished_run: RunFiles, facts: dict[str, Any], expected: str) -> None:
    path = finished_run.root / "reports" / "stages" / "vectors.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    assert expected in texts(render(finished_run, {}))


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("clean/pages.json", ["steps", "languages", "language_disagrees", "edited", "characters"]),
        ("deduplicate/pages.json", ["clusters", "conflicts", "labels_lost", "examples"]),
        ("stopwords/pages.json", ["derived", "derived_stopwords", "content_words"]),
        ("tokenize/pages.json", ["words", "words_per_document", "sentences_per_document"]),
        ("features.json", ["top_words", "corpora", "labels", "vocabulary_words"]),
    ],
    ids=["clean", "deduplicate", "stopwords", "tokenize", "features"],
)
def test_missing_measures_are_left_out(finished_run: RunFiles, place: str, keys: list[str]) -> None:
    change(finished_run, place, **dict.fromkeys(keys))
    assert "The data" in render(finished_run, {})


def test_corpus_without_documents(finished_run: RunFiles) -> None:
    nothing = {"quantiles": {}, "histogram": []}
    for corpus in ("pages", "poems"):
        change(finished_run, f"tokenize/{corpus}.json", words_per_document=nothing)
    assert "histogram of 0 documents" in render(finished_run, {})
    assert 'aria-label="none"' in share_bar({"en": 0})
