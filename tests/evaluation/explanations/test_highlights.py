import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mgm.evaluation.explanations.highlights import NUM_LEVELS, highlight_levels, highlight_sentences


def test_words_are_marked_in_proportion_sentence_by_sentence() -> None:
    text = "Fry the fish. 好吃！"
    found = highlight_sentences(
        text,
        [(0, 3), (4, 7), (8, 12), (14, 15), (15, 16)],
        sentence_length=[3, 2],
        contributions=np.array([4.0, 0.1, -2.0, 0.0, 1.0]),
        weights=[0.75, 0.25],
        span=(14, 15),
    )
    assert found == [
        {
            "weight": 0.75,
            "pieces": [["Fry", 4, False], [" the ", 0, False], ["fish", -2, False], [". ", 0, False]],
        },
        {"weight": 0.25, "pieces": [["好", 0, True], ["吃", 1, False], ["！", 0, False]]},
    ]


@given(
    st.text(min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(-5, 5)), min_size=1, max_size=8),
)
def test_the_pieces_are_the_whole_text_whatever_the_offsets(
    text: str, words: list[tuple[int, int, float]]
) -> None:
    """Words that cleaning made of one stretch share their offsets."""
    places = sorted((min(a, b, len(text)), min(max(a, b), len(text))) for a, b, _ in words)
    added = np.array([value for *_, value in words])
    found = highlight_sentences(text, places, sentence_length=[1] * len(words), contributions=added)
    assert "".join(piece[0] for s in found for piece in s["pieces"]) == text
    assert all(piece[0] for s in found for piece in s["pieces"])


def test_without_any_share_nothing_is_marked() -> None:
    assert highlight_levels(np.zeros(3)).tolist() == [0, 0, 0]
    assert highlight_levels(np.array([-8.0, 8.0, 0.9])).tolist() == [-NUM_LEVELS, NUM_LEVELS, 0]
