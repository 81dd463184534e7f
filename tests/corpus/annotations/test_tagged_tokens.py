"""Tags of every scheme as spans, and the text that tokens make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from mgm.corpus.annotations.tagged_tokens import join_tokens, labelled_spans, tag_spans

SCHEMES = {
    "IOB1": "I-PER I-PER O I-LOC B-LOC O",
    "IOB2": "B-PER I-PER O B-LOC B-LOC O",
    "IOBES": "B-PER E-PER O S-LOC S-LOC O",
    "BILOU": "B-PER L-PER O U-LOC U-LOC O",
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_gives_the_same_spans(scheme: str) -> None:
    assert list(tag_spans(SCHEMES[scheme].split())) == [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "LOC")]


def test_tags_without_a_prefix_are_spans_of_one_token() -> None:
    assert list(tag_spans(["NN", "NN", "_", "-LRB-"])) == [(0, 1, "NN"), (1, 2, "NN"), (3, 4, "-LRB-")]


@given(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])))
def test_iob_is_read_as_seqeval_does(tags: list[str]) -> None:
    expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
    assert list(tag_spans(tags)) == expected


def test_chinese_tokens_are_joined_without_blanks() -> None:
    text, ranges = join_tokens([["中国", "队", "2", "胜"], ["好"]], "auto")
    assert text == "中国队2胜\n好"
    assert labelled_spans([["B-LOC", "O", "O", "O"], ["O"]], ranges) == [(0, 2, "LOC")]
    assert join_tokens([["中国", "队"]], "blank")[0] == "中国 队"
    assert join_tokens([["New", "York"]], "auto")[0] == "New York"


@given(
    st.lists(
        st.lists(st.text("ab国", min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=3
    )
)
def test_ranges_lead_to_the_tokens(sentences: list[list[str]]) -> None:
    text, ranges = join_tokens(sentences, "auto")
    assert [[text[start:end] for start, end in places] for places in ranges] == sentences
