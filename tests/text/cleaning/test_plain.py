"""The kernel that finds texts which no step of cleaning changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from mgm import native
from mgm.settings.text import CleaningSettings, SegmentationSettings
from mgm.text.cleaning import build_steps, clean_texts
from mgm.text.cleaning.mask import mask_identifiers
from mgm.text.cleaning.plain import find_plain
from mgm.text.segmentation.words import find_words
from tests.kernel_library import kernel_library

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
MASKED = [
    "https://a.b", "HTTP://x", "sftp://x", "www.a", "WwW.a", "me@a.bc", "_%+-@x.yz", "1.22.3.4", "255.1.1.10", "fe80::1", "::1", "a::b",
    "Foo::Bar", "1::2", "dead:beef:1:2:3:4:5:6", "+49 123 456 789", "+1(2)345678", "(212) 555-1234", "555.123.4567", "400-123-4567",
    "1234 5678 9012 3456", "3456 123456 12345", "123456789", "11010519491231002X", "13812345678", "010-12345678", "1)234", "1) 234",
]  # fmt: skip
WORDS = [
    "a",
    "the file",
    "3.14",
    "12:30",
    "2024-05-01",
    "don't",
    "C++",
    "1.2",
    "x_1",
    "e.g.",
    "-",
    "é",
    "明",
    "\x85",
    "\t",
    "\x7f",
    "\ufeff",
    "e\u0301",
    "。",
    "！",
    "Ａ",
    "１",
    "“",
    "　",
    "龜",
    "\uf900",
    "ﬁ",
    "㎏",
    "\u1100\u1161",
    "가\u11a8",
    "ｶﾞ",
    "Ã©",
    "ã€‚",
    "ſ",
    "\u212a",
    "\ue000",
    "👍",
    "\u200d",
    "\u0622",
    "ا\u0653",
    "ﷺ",
    "а",
    "Ӂ",
]
texts = st.lists(st.sampled_from([*MASKED, *WORDS, " ", " ", "\n", ".", ",", "("]), max_size=8).map("".join)
others = st.lists(st.sampled_from([*WORDS, "1", "a", "+", ":", "/", "@"]), max_size=6).map("".join)
blank_texts = st.text(alphabet="1234567-)+ab.  \n\n\t\r\f\v\x85", max_size=24)
few = st.text(alphabet="1234567.:-+@()aFfw/_ \n", max_size=24)
STRICT = CleaningSettings(unicode="nfkc", width="all", simplified=True)
STEPS = {
    "all": STRICT,
    "of other widths": CleaningSettings(unicode="nfkc", width="letters"),
    "usual": CleaningSettings(),
}
"""Of the first no other characters than ASCII are stable."""


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def plain(rows: list[str], settings: CleaningSettings = STRICT) -> list[bool]:
    found = find_plain(pl.Series(rows, dtype=pl.String), settings)
    assert found is not None
    assert not (found.plain & found.but_masked).any()
    return found.plain.tolist()


@pytest.mark.parametrize("chosen", STEPS.values(), ids=STEPS)
@settings(max_examples=10)
@example(MASKED)
@example(WORDS)
@given(st.lists(st.one_of(texts, others, few, st.text(max_size=8)), max_size=6))
def test_no_step_changes_a_plain_text(chosen: CleaningSettings, rows: list[str]) -> None:
    found = plain(rows, chosen)
    left = pl.Series([row for row, is_plain in zip(rows, found, strict=True) if is_plain], dtype=pl.String)
    for name, step in build_steps(chosen).items():
        changed, edits = step(left)
        assert_series_equal(changed, left)
        assert len(edits.text) == 0, name
    unchanged = find_plain(pl.Series(rows, dtype=pl.String), chosen)
    assert unchanged is not None
    left = pl.Series(rows, dtype=pl.String).filter(pl.Series(unchanged.but_masked))
    for name, step in build_steps(chosen).items():
        if name != "mask":
            assert_series_equal(step(left)[0], left)


@pytest.mark.parametrize("form", ["nfc", "nfkc"])
def test_stable_characters_stay_beside_any_other(form: Literal["nfc", "nfkc"]) -> None:
    """All of the first plane, in two orders."""
    chosen = CleaningSettings(mojibake=False, unicode=form, width="letters")
    characters = pl.Series([chr(p) for p in range(0x80, 0x10000) if not 0xD800 <= p < 0xE000])
    stable = characters.filter(pl.Series(plain(characters.to_list(), chosen)))
    assert len(stable) > 55_000 and "明" in stable
    both = "".join([*stable, *stable.shuffle(seed=1)])
    rows = pl.Series([both[i : i + 200] for i in range(0, len(both), 200)])
    assert all(plain(rows.to_list(), chosen))
    for step in build_steps(chosen).values():
        assert_series_equal(step(rows)[0], rows)


def test_ordinary_texts_are_plain() -> None:
    ordinary = [
        "", "One line.", "Two lines,\none break.", "A paragraph.\n\nAnother: 12:30, 3.14 and 1,000.", "Version 1.2.3 of libstdc++.",
        "Foo::Bar and std::string", "On 2024-05-01 (at 5) <b>", "x@y", "call(1) or f(2)", "1)2 and +1(2)3 4567",
    ]  # fmt: skip
    assert [text for text, is_plain in zip(ordinary, plain(ordinary), strict=True) if not is_plain] == ["x@y"]


def words_and_gaps(rows: list[str]) -> list[tuple[int, str, int]]:
    """The words of each text with the gaps before them, of which that before the first one means nothing."""
    words = find_words(pl.Series(rows, dtype=pl.String), SegmentationSettings(), dictionary=None)
    is_first = np.append(True, words.row[1:] != words.row[:-1])[: len(words.row)]
    gap = np.where(is_first, 0, words.gap)
    return list(zip(words.row.tolist(), words.types.gather(words.code), gap.tolist(), strict=True))


@settings(max_examples=40)
@example(["1  23 567", " a \r\n\n b\t", "\r", "123 \n 4567", "(212)   555-1234", "555  1234"])
@given(st.lists(st.one_of(texts, blank_texts), max_size=6))
def test_blanks_that_stay_change_no_word(rows: list[str]) -> None:
    found = find_plain(pl.Series(rows, dtype=pl.String), CleaningSettings(), min_visible=2)
    assert found is not None
    left = [row for row, is_plain in zip(rows, found.plain, strict=True) if is_plain]
    cleaned, _ = clean_texts(pl.Series(left, dtype=pl.String), CleaningSettings())
    assert words_and_gaps(left) == words_and_gaps(cleaned.to_list())


@settings(max_examples=40)
@example(["see  http://a.b/12 \n me@a.bc", " www.a", "+49  123 456 789", "1.22.3.4", "so  https://a.b\u00e9"])
@given(st.lists(st.one_of(texts, blank_texts), max_size=6))
def test_blanks_change_no_word_of_masked_texts(rows: list[str]) -> None:
    found = find_plain(pl.Series(rows, dtype=pl.String), CleaningSettings(), min_visible=2)
    assert found is not None
    left = pl.Series(rows, dtype=pl.String).filter(pl.Series(found.but_masked))
    masked, _ = mask_identifiers(left, CleaningSettings().mask)
    cleaned, _ = clean_texts(left, CleaningSettings())
    assert words_and_gaps(masked.to_list()) == words_and_gaps(cleaned.to_list())
    assert (cleaned.str.len_chars() >= 2).all()


def test_a_text_with_few_characters_beside_blanks_is_cleaned() -> None:
    """Its cleaned length decides whether it is rejected."""
    rows = pl.Series([" a\r\n b\t", " a ", "a b", "  ", ""])
    assert [find_plain(rows, CleaningSettings(), min_visible=least).plain.tolist() for least in (2, 3)] == [  # type: ignore[union-attr]
        [True, False, True, False, True],
        [False, False, True, False, True],
    ]


BLANKS = ["  ", " \n", "\n ", "\n\n\n", "\t"]


@pytest.mark.parametrize("text", [*MASKED, *BLANKS, "é", "\x00"])
def test_a_text_that_a_step_may_change_is_not_plain(text: str) -> None:
    is_name = text == "Foo::Bar"  # of C++ or Perl, which no step masks
    assert plain([f"So {text} it is"]) == [is_name]


def test_samples_are_cleaned_as_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pl.concat([pl.read_parquet(path)["text"].head(25) for path in sorted(SAMPLES.glob("*.parquet"))])
    rows = rows.drop_nulls()
    assert sum(plain(rows.to_list(), CleaningSettings())) > 60
    found, edits = clean_texts(rows, CleaningSettings())
    monkeypatch.setattr(native, "LIBRARY", native.LIBRARY.with_name("gone.so"))
    assert find_plain(rows, CleaningSettings()) is None
    expected, edits_without = clean_texts(rows, CleaningSettings())
    assert_series_equal(found, expected)
    assert_series_equal(edits.to_column(len(rows)), edits_without.to_column(len(rows)))
