"""Cleaning step html."""

import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.tasks import TASK_KINDS
from mgm.text.cleaning import clean, clean_texts
from mgm.text.cleaning.html import extract_text
from mgm.text.segmentation.tokens import tokenize
from tests.text.cleaning.checks import after, changes, check_edits, raw_of


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>not closed<p>second", "not closed\n\nsecond"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("one<br><br>two", "one\n\ntwo"),
        ("<ul><li>a<li>b</ul>c", "a\nb\n\nc"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("in<b>side</b> of <i>a</i> line", "inside of a line"),
        ("lines\nof the\r\n  source", "lines of the source"),
        ("<pre>lines\nstay\n\nhere</pre>", "lines\nstay\n\nhere"),
        ("<script>if (a<b) x()</script>text<style>p {}</style>", "text"),
        ("<html><head><title>T</title></head><body>text</body></html>", "text"),
        ("<title>T</title>text", "text"),
        ("a<svg/>b<svg viewBox='0'><text>c</text></svg>d", "abd"),
        ("a<!-- <p>no</p> -->b", "ab"),
        ("AT&amp;T &lt;b&gt; &eacute;t&eacute; &#20013;&#x6587; &copy", "AT&T <b> été 中文 ©"),
        ("5 < 6 & 7", "5 < 6 & 7"),
        ("<a title='x>y' href=\"?a&amp;b\">link</a>", "link"),
        ("<P CLASS=big>Upper</P><BR>case", "Upper\n\ncase"),
        ("<div>中文<p>第二段</div>", "中文\n\n第二段"),
        ("<textarea>x <b>y</b></textarea>", "x <b>y</b>"),
        ("<p>cut off <a href='x", "cut off"),
        ("<p>cut off <b", "cut off"),
        ("cut off &am", "cut off &am"),
        ("no markup", "no markup"),
        ("", ""),
    ],
)
def test_text_of_a_page(page: str, text: str) -> None:
    assert after(extract_text, page) == text


@pytest.mark.parametrize(
    "page",
    [
        "<p>one <b>two</b> three</p>",
        "<div><p>three<br>two</p><p>two one</p></div>",
        "<table>stray<tr><td>two</table>",  # the parser moves `stray` before the table
        "<html><head><meta charset=utf-8><title>two</title><body>a two",
        "<title>t</title>one<svg/> two",
        "<b title='two'>t&#119;o</b> two <!-- two --> <script>two</script><a href=two>two</a>",
    ],
)
def test_words_have_their_own_raw_offsets(page: str) -> None:
    new, edits = extract_text(pl.Series([page]))
    assert raw_of(edits, page, new[0], "two") in ("two", "t&#119;o")
    check_edits([page], new.to_list(), edits, exchanges=True)


def test_letters_of_tags_are_never_taken_for_text() -> None:
    page = "<b class='bold b'>b</b><i>bold</i><b></b>b"
    assert changes(extract_text, page) == [("<b class='bold b'>", ""), ("</b><i>", ""), ("</i><b></b>", "")]


def test_an_entity_is_one_edit_of_its_own() -> None:
    assert changes(extract_text, "a &amp; b&nbsp;c &lt;d") == [
        ("&amp;", "&"),
        ("&nbsp;", "\xa0"),
        ("&lt;", "<"),
    ]


def test_labels_inside_tags_keep_their_place() -> None:
    page = "<p>Press <kbd>Enter</kbd> &amp; wait,\nthen <kbd>Esc</kbd>.</p><script>Enter</script>"
    labels = ["Enter", "wait", "Esc"]
    spans = [{"start": page.index(s), "end": page.index(s) + len(s), "label": s} for s in labels]
    frame = pl.DataFrame({"doc_id": ["d"], "text": [page]}).with_columns(
        keys=pl.Series([spans], dtype=TASK_KINDS["tagging"].column_type)
    )
    kept, rejected = clean(frame, CleaningSettings(html=True))
    assert rejected.is_empty() and kept["text"].to_list() == ["Press Enter & wait, then Esc."]
    words, _ = tokenize(kept, SegmentationSettings())
    found = {
        word: page[start:end]
        for word, start, end in zip(*words.select("words", "start", "end").row(0), strict=True)
    }
    assert {label: found[label] for label in labels} == {label: label for label in labels}


def test_a_label_on_markup_alone_is_rejected() -> None:
    span = [{"start": 0, "end": 3, "label": "x"}]
    frame = pl.DataFrame({"doc_id": ["d"], "text": ["<b>text</b>"]}).with_columns(
        tag=pl.Series([span], dtype=TASK_KINDS["tagging"].column_type)
    )
    _, rejected = clean(frame, CleaningSettings(html=True))
    assert rejected["reasons"].to_list() == [["span_in_deletion"]]


def test_a_long_page_takes_no_second() -> None:
    rows = "".join(
        f'<div class="x"><p>Paragraph {i} with <a href="/{i}">link</a>.</p></div>' for i in range(1500)
    )
    exact, aligned = f"<p>{rows}"[:100_000], f"<table>{rows}"[:100_000]
    for page in (exact, aligned):
        start = time.process_time()
        new, edits = extract_text(pl.Series([page]))
        assert time.process_time() - start < 2
        check_edits([page], new.to_list(), edits, exchanges=True)
        assert raw_of(edits, page, new[0], "Paragraph 700 with") == "Paragraph 700 with"


MARKUP = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<b>", "</b>", "<br>", "<table>", "<td>", "</table>", "<li>", "<pre>", "</pre>", "&amp;",
         "&lt;", "&", "<", ">", "<!--", "-->", "<script>", "</script>", "word", "字", " ", "\n", "'", '"', "<a b='"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(st.lists(MARKUP, min_size=1, max_size=4))
def test_edits_of_any_markup_lead_back(pages: list[str]) -> None:
    new, edits = extract_text(pl.Series(pages, dtype=pl.String))
    check_edits(pages, new.to_list(), edits, exchanges=True)


def test_without_html_markup_is_text() -> None:
    assert clean_texts(pl.Series(["<p>&amp;"]), CleaningSettings())[0].to_list() == ["<p>&amp;"]
