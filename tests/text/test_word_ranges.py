"""The raw ranges of the words of cleaned texts: never empty, never at a blank, in order, and spans that survive."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm.model.spans import word_spans
from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.tasks import with_label_spaces
from mgm.text import labels
from mgm.text.cleaning import clean, clean_texts
from mgm.text.offsets import Edits, position_keys
from mgm.text.segmentation.tokens import tokenize
from tests.text.labels.examples import NER

WORDS = SegmentationSettings()
PAGES = CleaningSettings(html=True, unicode="nfkc", width="all", simplified=True)
BLANKS = "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
BLANK = st.sampled_from([*BLANKS, "\r\n", "\n\n\n", "  ", "\u200b", "\ufeff"])
PIECE = st.sampled_from(
    [
        "word", "é", "中文", "漢字", "Ａ１", "，", "e\u0301", "e\u0323\u0301", "\u0344", "ﬁ", "½", "\ufb2c", "\ufdfa", "한", "ᄒ",
        "ᅡ", "ᆫ", "ｶ", "ﾞ", "¨", "a@b.co", "http://a.b/c?d=1", "1.2.3.44", "123456789012", "+1 650  253 0000", "&amp;",
        "&nbsp;", "&eacute;", "&#8203;", "&#x1;", "&notin", "<b>", "</b>", "<br>", "<td>", "<pre>", "<", "Ã©", "â€™", "Ã ",
        "Ã\xa0", "ä½\xa0", "Â ", "ðŸ˜€", "voilÃ ", "😀", "👨\u200d👩\u200d👧", "👍🏽", "🇬🇧", "\u200d", "\x01", "!?", "C#", "<URL>",
    ]
)  # fmt: skip
TEXT = st.lists(st.one_of(PIECE, BLANK), max_size=8).map("".join)
ALONE = ["word", "ﬁ", "&amp;", "中文", "漢字", "a@b.co", "😀", "e\u0301", "½", "Ã©"]


def cleaned_words(
    texts: list[str], cleaning: CleaningSettings
) -> tuple[pl.Series, Edits, list[list[tuple[str, int, int]]]]:
    """Cleaned texts, their edits, and the words of each with their raw ranges."""
    cleaned, edits = clean_texts(pl.Series(texts, dtype=pl.String), cleaning)
    frame = pl.DataFrame({"doc_id": list(map(str, range(len(texts)))), "text": cleaned})
    tokens, _ = tokenize(frame.with_columns(edits.to_column(len(texts))), WORDS)
    by_id = {
        int(doc_id): list(zip(words, start, end, strict=True))
        for doc_id, words, start, end in tokens.select("doc_id", "words", "start", "end").iter_rows()
    }
    return cleaned, edits, [by_id.get(i, []) for i in range(len(texts))]


def ranges(text: str, cleaning: CleaningSettings) -> list[tuple[str, int, int]]:
    return cleaned_words([text], cleaning)[2][0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("write a@b.co\n", ("<EMAIL>", 6, 12)),
        (" a@b.co x", ("<EMAIL>", 1, 7)),
        ("see  http://a.b/c \n", ("<URL>", 5, 17)),
        ("call +1  650 253 0000\r\n", ("<PHONE>", 5, 21)),
        ("\u3000cafe\u0301\u2003", ("café", 1, 6)),
        ("  dÃ©jÃ  vu", ("déjà", 2, 7)),
        ("Ã\xa0 la", ("à", 0, 1)),
        ("\u200b\u0958\n", ("\u0915\u093c", 1, 2)),
    ],
    ids=["mail", "leading", "url", "phone", "nfd", "mojibake", "mojibake_of_a_blank", "expanding"],
)
def test_a_replaced_word_beside_a_dropped_blank(text: str, word: tuple[str, int, int]) -> None:
    assert word in ranges(text, CleaningSettings())


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("<p>R&amp;D </p>", ("&", 4, 9)),
        ("a <b>&lt;</b> ", ("<", 5, 9)),
        (" ﬁne\n", ("fine", 1, 4)),
        ("½ \n", ("1\u20442", 0, 1)),
        ("“\n\ufb2c&#x1;<form>國", ("\u05e9\u05bc\u05c1", 2, 3)),  # was empty: NFC beside an aligned page
        (
            "\r\n\ufdfa \u073f\u0958",
            ("\u0627\u0644\u0644\u0647", 2, 3),
        ),  # was empty: four words of one character
        (
            "\n\n\n \u11ab<pre>&#x1;&#32;",
            ("\u11ab", 4, 5),
        ),  # was a line break: aligned, the letter was deleted
    ],
    ids=["entity", "entity_beside_tags", "ligature", "fraction", "nfc", "words_of_a_ligature", "moved"],
)
def test_words_of_pages(text: str, word: tuple[str, int, int]) -> None:
    if word[0] == "1\u20442":
        assert {(1, 1)} != {(start, end) for _, start, end in ranges(text, PAGES)} == {(0, 1)}
    else:
        assert word in ranges(text, PAGES)


@settings(max_examples=12)
@given(st.lists(TEXT, min_size=20, max_size=20), st.sampled_from([CleaningSettings(), PAGES]))
def test_words_have_raw_characters(texts: list[str], cleaning: CleaningSettings) -> None:
    """Each word's range is not empty, begins and ends on no blank, and only words of one edit share one."""
    _, edits, words = cleaned_words(texts, cleaning)
    for text, found in zip(texts, words, strict=True):
        for _, start, end in found:
            assert 0 <= start < end <= len(text), (text, found)
            assert text[start] not in BLANKS and text[end - 1] not in BLANKS, (text, found)
        for (_, start, end), (_, next_start, next_end) in itertools.pairwise(found):
            assert start <= next_start and end <= next_end, (text, found)
    _check_shared(edits, words)


def _check_shared(edits: Edits, words: list[list[tuple[str, int, int]]]) -> None:
    """Two words whose ranges overlap share raw characters that lie in one edit."""
    shared = [
        (row, b[1], a[2])
        for row, found in enumerate(words)
        for a, b in itertools.pairwise(found)
        if b[1] < a[2]
    ]
    if shared:
        row, start, end = np.array(shared).T
        at = np.searchsorted(
            position_keys(edits.text, edits.old_end), position_keys(row, start), side="right"
        )
        assert (edits.text[at] == row).all()
        assert ((edits.old_start[at] <= start) & (end <= edits.old_end[at])).all()


@settings(max_examples=12)
@given(st.lists(TEXT, min_size=20, max_size=20))
def test_a_span_outside_every_edit_is_the_same_characters(texts: list[str]) -> None:
    cleaned, edits = clean_texts(pl.Series(texts, dtype=pl.String), CleaningSettings())
    ends = zip(edits.text.tolist(), edits.old_start.tolist(), edits.old_end.tolist(), strict=True)
    opens: dict[int, list[int]] = {}
    for row, start, end in ends:
        opens.setdefault(row, [0]).extend([start, end])
    for row, bounds in opens.items():
        kept = np.array([*bounds, len(texts[row])]).reshape(-1, 2)
        kept = kept[kept[:, 1] > kept[:, 0]]
        rows = np.full(len(kept), row)
        starts, stops = edits.map_starts(rows, kept[:, 0]), edits.map_ends(rows, kept[:, 1])
        for (a, b), c, d in zip(kept.tolist(), starts.tolist(), stops.tolist(), strict=True):
            before, after = texts[row][a:b], cleaned[row][c:d]
            # Of blanks and of Chinese forms each may be exchanged for another.
            assert len(before) == len(after)
            assert [x for x in before if x in "word"] == [x for x in after if x in "word"], (before, after)


@settings(max_examples=12)
@given(
    st.lists(st.tuples(st.lists(BLANK, max_size=3).map("".join), st.sampled_from(ALONE)), min_size=1), BLANK
)
def test_labelled_words_are_predicted_where_they_were_labelled(
    pairs: list[tuple[str, str]], end: str
) -> None:
    """Spans of words that cleaning changes, in a text with blanks at its ends, come back from tags as they were labelled."""
    text, spans = "", []
    for blank, word in pairs:
        text += blank + " "
        spans.append({"start": len(text), "end": len(text) + len(word), "label": "A"})
        text += word
    [task] = with_label_spaces([NER], {"ner": ["A"]})
    documents = pl.DataFrame({"doc_id": ["d"], "text": [text + end]}).with_columns(
        pl.Series(NER.columns.label, [spans], dtype=NER.column_type)
    )
    kept, _ = clean(documents, PAGES)
    tokens, _ = tokenize(kept, WORDS)
    tags = np.array(labels.encode(tokens, [task])[NER.columns.label_ids][0])
    found = word_spans(tags, np.ones(len(tags), np.float32), sentence_length=np.array([len(tags)]))
    start, stop = tokens["start"][0].to_numpy(), tokens["end"][0].to_numpy()
    predicted = list(zip(start[found.first].tolist(), stop[found.last].tolist(), strict=True))
    assert predicted == [(span["start"], span["end"]) for span in spans]
