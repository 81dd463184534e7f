"""Stopwords: what counts as content."""

from pathlib import Path

import polars as pl

from mgm.settings.text import StopwordSettings
from mgm.text.stopwords import CONTENT_SCHEMA, DocumentFrequencies, Stopwords, mark_content_words

KEEP = ["not", "n't", "不"]


def content(words: list[str], settings: StopwordSettings) -> list[str]:
    tokens = pl.DataFrame({"doc_id": ["a"], "words": [words]})
    marked = mark_content_words(tokens, Stopwords.from_settings(settings))
    assert marked.schema == CONTENT_SCHEMA
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
    assert mark_content_words(tokens, Stopwords.from_settings(StopwordSettings()))["content"].to_list() == [
        [],
        [True],
    ]


def corpus(*texts: str, split: str = "train") -> pl.DataFrame:
    words = [text.split() for text in texts]
    return pl.DataFrame(
        {"split": [split] * len(words), "words": words},
        schema={"split": pl.String, "words": pl.List(pl.String)},
    )


def derived(settings: StopwordSettings, *parts: pl.DataFrame) -> list[str]:
    frequencies = DocumentFrequencies.count(parts)
    return Stopwords.from_settings(settings).derive(frequencies, settings)


HALF = StopwordSettings(min_documents=1, document_frequency=0.5)
PARTS = [corpus("Debian package Debian", "package the ,"), corpus("debian package tool", "Package editor ,")]


def test_frequent_words_are_derived() -> None:
    """Words of many training documents are stopwords, the most frequent first."""
    assert derived(HALF, *PARTS) == [
        "package"
    ]  # debian is in a half, not in more; `the` is a stopword already
    assert derived(StopwordSettings(min_documents=1, document_frequency=0.4), *PARTS) == ["package", "debian"]


def test_a_word_counts_once_a_document() -> None:
    """In any case, and with any apostrophe, it is the same word."""
    assert derived(HALF, corpus("Linux's linux’s", "LINUX'S", "other other other")) == ["linux's"]


def test_only_training_documents_count() -> None:
    assert derived(HALF, *PARTS, corpus("held out", "held out", split="test")) == ["package"]


def test_nothing_is_derived_from_small_corpora() -> None:
    """Nor from corpora whose settings switch it off."""
    assert derived(StopwordSettings(min_documents=5), *PARTS) == []
    assert derived(StopwordSettings(min_documents=4), *PARTS) == ["package"]
    assert derived(StopwordSettings(min_documents=1, document_frequency=None), *PARTS) == []
    assert derived(HALF, corpus()) == []


def test_kept_words_marks_and_negations_are_not_derived() -> None:
    parts = [corpus("mustn't shalln't 不归 , 。 $ !!! shalln’t")] * 3
    keep = StopwordSettings(min_documents=1, keep=["n't", "不归"])
    assert derived(keep, *parts) == []
    assert derived(HALF, *parts) == ["shalln't", "不归"]


def test_stopwords_come_back_as_saved(tmp_path: Path) -> None:
    words = Stopwords.from_settings(StopwordSettings()).union(["package", "a\x1cb"])
    words.save(tmp_path / "new" / "stopwords.txt")
    assert Stopwords.load(tmp_path / "new" / "stopwords.txt") == words
    lines = (tmp_path / "new" / "stopwords.txt").read_text(encoding="utf-8").split("\n")
    assert lines[:-1] == sorted(words.words)
    Stopwords(frozenset()).save(tmp_path / "none.txt")
    assert Stopwords.load(tmp_path / "none.txt").words == frozenset()
