"""The shapes and scripts of words by the kernel, beside the patterns."""

from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgm import native
from mgm.text.shapes import find_shapes, match_shapes
from tests.kernel_library import kernel_library

# letters, marks, joiners, numbers, stops, emoji, tags and Chinese, of which every shape is made
CHARACTERS = "aéZΣİǅßжЖ中文字カ한ب٣½7१.!?…。；,:/-‐'’@#_+€©♥😀\u0301\ufe0f\u200d\u200c\U000e0067\U000e007f\ue000\u00ad \n\t"
WORDS = (
    st.text(st.sampled_from(CHARACTERS), max_size=8)
    | st.text(max_size=6)
    | st.from_regex(r"(?:[aZ中7.'_]){1,9}")
)
EXAMPLES = [
    "",
    "中文",
    "cat",
    "A",
    "Cat",
    "NASA",
    "2026",
    "3.14",
    "...",
    "(",
    "€",
    "@me",
    "don't",
    "U.S.",
    "aB",
    "B2B",
    "x" * 70_000,
]


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


@settings(max_examples=50)
@given(st.lists(WORDS, max_size=30))
def test_the_kernel_finds_what_patterns_match(words: list[str]) -> None:
    series = pl.Series("text", [*words, *EXAMPLES], dtype=pl.String)
    for found, expected in zip(find_shapes(series), match_shapes(series), strict=True):
        assert found.to_list() == expected.to_list()
        assert found.name == expected.name and found.dtype == expected.dtype


def test_every_shape_is_found() -> None:
    shape, _ = find_shapes(pl.Series(EXAMPLES))
    assert set(range(16)) - set(shape) == {0} - set(shape)


def test_characters_have_the_sets_of_the_patterns() -> None:
    """Each character of the first plane, alone, behind a letter, before a digit and between two letters."""
    characters = [chr(point) for point in (*range(0xD800), *range(0xE000, 0x10000))]
    words = pl.Series(
        [
            word
            for place, c in enumerate(characters)
            for word in ((c, f"A{c}", f"{c}7", f"€{c}") if place < 0x3100 or place % 50 == 0 else (c,))
        ]
    )
    for found, expected in zip(find_shapes(words), match_shapes(words), strict=True):
        assert (found == expected).all()
