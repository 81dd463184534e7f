"""Terms of a list are found among words, whatever words a segmenter makes of Chinese, and each word knows its place in them."""

import polars as pl
import pytest
import torch

from mgm.model.collate import collate
from mgm.model.ragged import Ragged
from mgm.model.wide.lexicon import Lexicon, WordHashes
from mgm.settings.text import FeatureSettings
from mgm.text.features import featurize
from mgm.text.vocabulary import SCHEMA, Vocabulary

FEATURES = FeatureSettings()
NO_WORDS = Vocabulary(pl.DataFrame(schema=SCHEMA))
TERMS = {
    ("new", "york"): 1,
    ("new", "york", "city"): 2,
    ("city", "hall"): 1,
    ("york",): 1,
    ("北", "京"): 1,
    ("北", "京", "大", "学"): 2,
}


def lexicon() -> Lexicon:
    """The list of TERMS, as its words are found: every Chinese character on its own."""
    words = pl.Series([list(words) for words in TERMS], dtype=pl.List(pl.String))
    return Lexicon.of_terms(words, torch.tensor(list(TERMS.values())), settings=FEATURES)


def places(*sentences: str) -> list[list[int]]:
    """What the list says of each word of sentences, whose words blanks divide."""
    words = [sentence.split() for sentence in sentences]
    table = pl.DataFrame(
        {
            "words": [[word for sentence in words for word in sentence]],
            "content": [[True for sentence in words for _ in sentence]],
            "sentence": [[len(sentence) for sentence in words]],
            "paragraph": [[len(words)]],
        }
    )
    batch = collate(featurize(table, NO_WORDS, settings=FEATURES), torch.arange(1).numpy())
    found = lexicon()(WordHashes(batch), Ragged(batch.word, batch.sentence_length))
    return [part.tolist() for part in found.split([len(sentence) for sentence in words])]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("in New York now", [0, 1, 3, 0]),
        ("YORK", [4]),
        ("new", [0]),
        ("New York City Hall", [5, 6, 7, 0]),
        ("city hall york", [1, 3, 4]),
        ("在 北京 大学", [0, 5, 7]),
        ("在 北京大学", [0, 8]),
        ("北 京 大", [1, 3, 0]),
        ("北京人", [0]),
    ],
    ids=["begin end", "case", "beginning alone", "longest from the left", "two", "words", "one word", "characters", "part"],
)  # fmt: skip
def test_words_of_terms(sentence: str, expected: list[int]) -> None:
    """1 to 4 are the first word, one within, the last, the only one, of terms of class 1; 5 to 8 of class 2."""
    assert places(sentence) == [expected]


def test_terms_do_not_cross_sentences() -> None:
    assert places("in new", "york city hall", "new york") == [[0, 0], [4, 1, 3], [1, 3]]


def test_keys_that_cannot_be_are_refused() -> None:
    made = lexicon()
    made.check()
    made.keys[0] = made.keys[1]
    with pytest.raises(ValueError, match="lexicons: expected rising keys"):
        made.check()
