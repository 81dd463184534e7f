"""Cleaning as a whole: the steps together, the counts, and why rows are rejected."""

import json
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.text import CleaningSettings
from mgm.tasks import TASK_KINDS
from mgm.text.cleaning import build_steps, clean, clean_texts, clean_with_statistics, pipeline
from mgm.text.offsets import Edits
from tests.text.cleaning.checks import check_edits, check_spans

DEFAULT, NFKC = CleaningSettings(), CleaningSettings(unicode="nfkc")
ALL = CleaningSettings(unicode="nfkc", width="all", simplified=True)
OFF = CleaningSettings(mojibake=False, unicode="none", control_characters=False, whitespace=False, mask=[])
TRICKY = st.text(
    alphabet=st.sampled_from("ab \t\n\r\u200b\ufeff\x00\u00a0\u3000e\u0301ﬁ½，中文。\u2028😀ＡÃ©漢1"),
    max_size=25,
)


def documents(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"doc_id": [f"d{i}" for i in range(len(texts))], "text": texts},
        schema={"doc_id": pl.String, "text": pl.String},
    )


def test_steps_in_their_order() -> None:
    every = CleaningSettings(html=True, width="letters", simplified=True)
    assert list(build_steps(every)) == [
        "html", "mojibake", "control_characters", "unicode", "width", "simplified", "whitespace", "mask",
    ]  # fmt: skip
    assert list(build_steps(OFF)) == []


@pytest.mark.parametrize(
    ("settings", "raw", "text"),
    [
        (DEFAULT, "cafe\u0301\u200b  itâ€™s at\thttp://a.b ", "café it’s at <URL>"),
        (DEFAULT, "ﬁ ½，ＡＢＣ", "ﬁ ½，ＡＢＣ"),
        (NFKC, "ﬁ，ＡＢＣ", "fi,ABC"),
        (CleaningSettings(width="letters"), "电话１３８００１３８０００", "电话<PHONE>"),
        (CleaningSettings(html=True), "<p>Caf&eacute;&nbsp;</p>\n<p>at www.a.b</p>", "Café\n\nat <URL>"),
        (CleaningSettings(simplified=True), "漢　字", "汉 字"),
    ],
    ids=["defaults", "defaults_keep_forms", "nfkc", "width", "html", "simplified"],
)
def test_cleaned_text(settings: CleaningSettings, raw: str, text: str) -> None:
    assert clean_texts(pl.Series([raw]), settings)[0].to_list() == [text]


def test_everything_can_be_switched_off() -> None:
    raw = " a\x00  e\u0301 \n\n\n<p>ＡÃ© 漢 http://a.b"
    texts, edits = clean_texts(pl.Series([raw]), OFF)
    assert texts.to_list() == [raw] and len(edits.text) == 0


@pytest.mark.parametrize(
    ("step", "raw"),
    [
        ("mojibake", "cafÃ©"),
        ("control_characters", "a\u200bb"),
        ("whitespace", "a  b"),
    ],
)
def test_a_step_that_is_off_changes_nothing(step: str, raw: str) -> None:
    assert clean_texts(pl.Series([raw]), DEFAULT)[0][0] != raw
    assert clean_texts(pl.Series([raw]), DEFAULT.model_copy(update={step: False}))[0][0] == raw


@given(st.lists(TRICKY, min_size=1, max_size=5), st.sampled_from([DEFAULT, NFKC, ALL]))
def test_edits_lead_back(raws: list[str], settings: CleaningSettings) -> None:
    cleaned, edits = clean_texts(pl.Series(raws, dtype=pl.String), settings)
    check_edits(raws, cleaned.to_list(), edits, exchanges=True)
    column = edits.to_column(len(raws))
    for row, (raw, new) in enumerate(zip(raws, cleaned, strict=True)):
        check_spans(raw, new, Edits.from_column(column[row : row + 1]))
        assert unicodedata.is_normalized("NFC", new)


@given(st.lists(TRICKY, min_size=1, max_size=5), st.sampled_from([DEFAULT, NFKC, ALL]))
def test_cleaning_again_changes_nothing(raws: list[str], settings: CleaningSettings) -> None:
    # But for mojibake: what a removed character kept apart can look broken afterwards.
    settings = settings.model_copy(update={"mojibake": False})
    cleaned, _ = clean_texts(pl.Series(raws, dtype=pl.String), settings)
    assert clean_texts(cleaned, settings)[0].to_list() == cleaned.to_list()


@given(st.lists(TRICKY, max_size=8), st.integers(1, 30))
def test_batches_change_no_result(raws: list[str], size: int) -> None:
    texts = pl.Series(raws, dtype=pl.String)
    whole, edits = clean_texts(texts, ALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BATCH_CHARACTERS", size)
        batched, found = clean_texts(texts, ALL)
    assert batched.to_list() == whole.to_list()
    assert found.to_column(len(raws)).to_list() == edits.to_column(len(raws)).to_list()


def test_rows_whose_offsets_stay_have_no_edits() -> None:
    kept, _ = clean(documents("same", "not  same", "a\ttab"), DEFAULT)
    assert kept["edits"].is_null().to_list() == [True, False, True]
    assert Edits.from_column(kept["edits"]).text.tolist() == [1]


def test_changed_documents_are_counted_by_step() -> None:
    """Rejected documents are not counted."""
    frame = documents("same", "a\ttab", "b\ttab cafÃ©", "http://a.b", " \u200b ")
    cleaned = clean_with_statistics(frame, DEFAULT, min_chars=1)
    assert cleaned.rejected["doc_id"].to_list() == ["d4"]
    assert cleaned.statistics.result() == {
        "edited": 3,
        "steps": {"mojibake": 1, "control_characters": 0, "unicode": 0, "whitespace": 2, "mask": 1},
    }


def test_steps_that_are_off_are_not_counted() -> None:
    assert clean_with_statistics(documents("x"), OFF).statistics.result() == {"edited": 0}


def test_each_reason_is_given() -> None:
    spans = [None, None, [{"start": 1, "end": 3, "label": "x"}], [{"start": 0, "end": 1, "label": "x"}], None]
    frame = documents("  ", "x" * 30, "a\u200b\u200bbc", "abc def", None).with_columns(
        tag=pl.Series(spans, dtype=TASK_KINDS["tagging"].column_type)
    )
    kept, rejected = clean(frame, CleaningSettings(max_chars=20), min_chars=2)
    assert kept["doc_id"].to_list() == ["d3"]
    assert dict(rejected.select("doc_id", "reasons").iter_rows()) == {
        "d0": ["text_too_short"],
        "d1": ["text_too_long"],
        "d2": ["span_in_deletion"],
        "d4": ["text_too_short"],
    }
    assert json.loads(rejected["values"][2])["text"] == "a\u200b\u200bbc"


def test_limits_of_length() -> None:
    """The upper limit is that of the raw text, the lower one that of the clean text."""
    page = "<p>" + "x" * 5 + "</p>"
    settings = CleaningSettings(html=True, max_chars=len(page))
    assert clean(documents(page), settings, min_chars=5)[0].height == 1
    assert clean(documents(page), settings, min_chars=6)[1]["reasons"].to_list() == [["text_too_short"]]
    short = settings.model_copy(update={"max_chars": len(page) - 1})
    assert clean(documents(page), short)[1]["reasons"].to_list() == [["text_too_long"]]


def test_an_empty_part_stays_empty() -> None:
    kept, rejected = clean(documents(), ALL.model_copy(update={"html": True}))
    assert (kept.height, rejected.height) == (0, 0) and kept.columns == ["doc_id", "text", "edits"]
