"""The kernels that number words and count sentences, beside `find_words` and `find_sentences`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgm import native
from mgm.settings.text import SegmentationSettings
from mgm.text.dictionary import UserDictionary, UserWord
from mgm.text.list_columns import factorize
from mgm.text.segmentation import numbered_words, sentences
from mgm.text.segmentation.numbered_words import Spellings, number_words
from mgm.text.segmentation.sentences import classify_words, find_sentences
from mgm.text.segmentation.words import find_words
from tests.kernel_library import kernel_library

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
SPELT = [
    "<URL>", "3.14", "e.g.", "Dr", "No", "Fig", "I", "a", "5", ".", ". ", "...", "!", "?! ", "。", "；", "…", "\"", "”", ")", "」", "(",
    "The", "the", "Ünder", "7", "#tag", "well-known", "明月", "楼", " ", "\n", "\n\n", "\t", "\r\n", "\u3000", "\u0085", "e\u0301", "👍",
    "我们在北京大学", "的", "有", "〇", "々", "㐀", "豈", "结婚的和尚未结婚的", "T恤", "\ue000",
    "ไทย", "3\ufe0f\u20e3", "ℹ", ":-)", "ǅ", "¿",
]  # fmt: skip
texts = st.lists(st.sampled_from(SPELT), max_size=14).map("".join)
random_bytes = st.binary(max_size=24).map(lambda data: data.decode("utf-8", "replace"))
PARAGRAPHS = {
    "short": SegmentationSettings(paragraph="line", max_sentence_words=3, chinese_tokens="characters"),
    "hard-wrapped": SegmentationSettings(paragraph="blank_line"),
}


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


def check(
    rows: pl.Series,
    config: SegmentationSettings,
    *,
    known_share: int,
    dictionary: UserDictionary | None = None,
) -> list[str]:
    """Compares words and sentences, and returns the words; every `known_share`-th word is known before, by a number."""
    words = find_words(rows, config, dictionary=dictionary)
    begins, _ = find_sentences(words, config)
    distinct = factorize(words.types.gather(words.code))[1]
    known, table = Spellings(), distinct.gather_every(known_share)
    known.add(table, np.arange(len(table))[::-1].copy())
    table = pl.Series(table.reverse(), dtype=pl.String)

    found = number_words(rows, config, known=known, dictionary=dictionary)
    assert found.new.n_unique() == len(found.new)
    assert not found.new.is_in(table.to_list()).any()
    table = pl.concat([table, found.new.alias(table.name)])
    new_rows = len(table) - len(found.new) + np.arange(len(found.new))
    lengths, counts = found.count_sentences(new_rows, classes=classify_words(table), settings=config)

    assert table.gather(found.word).to_list() == words.types.gather(words.code).to_list()
    assert found.counts.tolist() == np.bincount(words.row, minlength=len(rows)).tolist()
    starts = np.flatnonzero(begins)
    assert lengths.tolist() == np.diff(np.append(starts, len(words.row))).tolist()
    assert counts.tolist() == np.bincount(words.row[starts], minlength=len(rows)).tolist()
    return table.gather(found.word).to_list()


@pytest.mark.parametrize("config", PARAGRAPHS.values(), ids=PARAGRAPHS)
@settings(max_examples=25)
@example(['He said "Stop.") Then Dr. No. 5 left.\n1. One\n2. Two', "", "  ", 'a. "', "... and", '!"明'], 2)
@example(SPELT, 1)
@given(st.lists(st.one_of(texts, random_bytes), max_size=5), st.integers(1, 3))
def test_words_and_sentences_are_those_of_the_expressions(
    config: SegmentationSettings, rows: list[str], known_share: int
) -> None:
    check(pl.Series(rows, dtype=pl.String), config, known_share=known_share)


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.parquet")))
def test_words_of_the_shipped_corpora(name: str) -> None:
    rows = pl.read_parquet(SAMPLES / f"{name}.parquet", columns=["text"])["text"].drop_nulls()
    check(rows.gather_every(max(1, len(rows) // 30)), PARAGRAPHS["hard-wrapped"], known_share=2)


@settings(max_examples=25)
@example(
    [
        *"1aA.明½",
        "",
        "Dr",
        "messrs",
        "Messrs1",
        "123",
        "1234",
        "\u212aapprox",
        "...........",
        "éapprox",
        "明月明月明月明月",
    ]
)
@given(st.lists(st.one_of(st.sampled_from(SPELT), st.text(max_size=8))))
def test_classes_of_usual_words_are_those_of_the_expressions(words: list[str]) -> None:
    rows = pl.Series(words, dtype=pl.String)
    assert classify_words(rows).tolist() == sentences._classify(rows).tolist()


def test_words_of_a_user_dictionary() -> None:
    """One is never split, the other competes with the words around it; a text with a mark takes the other way."""
    dictionary = UserDictionary((UserWord("京大"), UserWord("学生会", frequency=10**6)))
    rows = pl.Series(["北京大学生会。\n大学生会", "a北京大学", "e\u0301北京大学"])
    words = check(rows, PARAGRAPHS["hard-wrapped"], known_share=2, dictionary=dictionary)
    assert words == "北 京大 学生会 。 大 学生会 a 北 京大 学 e\u0301 北 京大 学".split()


def test_words_of_another_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbered_words, "cut_lines", lambda lines, dictionary: list(lines[:-2]))
    dictionary = UserDictionary((UserWord("京大"),))
    with pytest.raises(AssertionError, match="not their runs"):
        number_words(
            pl.Series(["明月楼"]), PARAGRAPHS["hard-wrapped"], known=Spellings(), dictionary=dictionary
        )


def test_long_texts() -> None:
    """A text of 100,000 characters, and more words than the first table holds."""
    words = " ".join(f"word{number}." for number in range(9_000))
    check(
        pl.Series([words, words[:100_000], "明" * 1_000, "结婚的和尚未结婚的 " * 2_500]),
        PARAGRAPHS["short"],
        known_share=2,
    )


def test_words_are_added_in_several_steps() -> None:
    known, words = Spellings(), pl.Series([f"w{i}" for i in range(9_000)])
    for first in range(0, 9_000, 1_000):
        known.add(words[first : first + 1_000], np.arange(first, first + 1_000))
    known.add(words.clear(), np.zeros(0, np.int64))
    assert len(known) == 9_000
    assert known.look_up(pl.Series(["w0", "w8999", "w9000", ""])).tolist() == [0, 8_999, -1, -1]
