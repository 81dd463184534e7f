"""Stems: of English words alone."""

import polars as pl

from mgm.settings.text import FeatureSettings
from mgm.text.features import featurize
from mgm.text.stemming import stem
from mgm.text.vocabulary import Vocabulary, count_words


def test_words_of_latin_letters_are_stemmed_and_others_stay() -> None:
    words = ["related", "relates", "dog's", "dog’s", "don’t", "x86", "<url>", "北京", "Привет", "café", "."]
    expected = ["relat", "relat", "dog", "dog", "don't", "x86", "<url>", "北京", "Привет", "café", "."]
    series = pl.Series("word", words)
    assert stem(series).to_list() == expected
    assert series.to_list() == words
    assert stem(pl.Series(["北京"])).to_list() == ["北京"]


def test_stems_share_an_entry_of_the_vocabulary_and_nothing_else() -> None:
    tokens = pl.DataFrame(
        {
            "doc_id": ["a"],
            "split": ["train"],
            "words": [["Related", "relates", "relate"]],
            "content": [[True] * 3],
        }
    )
    settings = FeatureSettings(stem=True, min_count=1)
    vocabulary = Vocabulary.from_counts(count_words([tokens], settings.stem), settings)
    assert vocabulary.table.select("word", "count").rows() == [("relat", 3)]
    stemmed = featurize(tokens, vocabulary, settings=settings)
    assert stemmed.types["id"].to_list() == [1, 1, 1]
    plain = featurize(tokens, vocabulary, settings=FeatureSettings(min_count=1))
    assert plain.types["id"].to_list() == [0, 0, 0]
    kept = ["text", "ngrams", "characters", "shape", "script", "pos"]
    assert stemmed.types.select(kept).equals(plain.types.select(kept))
    assert stemmed.documents.equals(plain.documents)
