"""Stopwords: what counts as content."""

import polars as pl

from mgm.settings import StopwordSettings
from mgm.text.stopwords import CONTENT, Stopwords, mark

KEEP = ["not", "n't", "不"]


def content(words: list[str], settings: StopwordSettings) -> list[str]:
    tokens = pl.DataFrame({"doc_id": ["a"], "words": [words]})
    marked = mark(tokens, Stopwords.load(settings))
    assert marked.schema == CONTENT
    return [word for word, stays in zip(words, marked["content"][0], strict=True) if stays]


def test_stopwords_and_punctuation_are_no_content_in_any_case() -> None:
    words = ["The", "cat", "THE", "sat", "，", "我们", "北京", "的", "!!!", "$", ":)", "😀"]
    assert content(words, StopwordSettings()) == ["cat", "sat", "北京", ":)", "😀"]


def test_kept_words_are_content_also_as_contractions() -> None:
    words = ["not", "Don't", "don’t", "不", "she'll"]
    assert content(words, StopwordSettings()) == []
    assert content(words, StopwordSettings(keep=KEEP)) == ["not", "Don't", "don’t", "不"]


def test_added_words_are_no_content() -> None:
    assert content(["Cat", "dog"], StopwordSettings(add=["cat"])) == ["dog"]


def test_documents_without_words_stay_in_place() -> None:
    tokens = pl.DataFrame(
        {"doc_id": ["a", "b"], "words": [[], ["cat"]]}, schema_overrides={"words": pl.List(pl.String)}
    )
    assert mark(tokens, Stopwords.load(StopwordSettings()))["content"].to_list() == [[], [True]]
