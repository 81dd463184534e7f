"""Features: distinct words, their n-grams and properties, and the files."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.text import FeatureSettings
from mgm.text import features
from mgm.text.dictionary import UserDictionary, UserWord
from mgm.text.features import (
    NUM_SCRIPTS,
    NUM_SHAPES,
    PROPERTIES,
    FeaturePart,
    chinese_characters,
    featurize,
    hash_ngrams,
)
from mgm.text.part_of_speech import tag_id
from mgm.text.vocabulary import Vocabulary, count_words

SETTINGS = FeatureSettings(min_count=1, ngram_min=2, ngram_max=3, ngram_buckets=1000)
TOKENS = pl.DataFrame(
    {
        "doc_id": ["a", "b", "c"],
        "split": ["train", "test", "train"],
        "words": [["The", "cat", "the", "cat"], ["planted", "北京"], ["北京", "。"]],
        "content": [[False, True, False, True], [True, True], [True, False]],
        "kind": ["x", None, "y"],
    }
)
VOCABULARY = Vocabulary.from_counts(count_words([TOKENS]), SETTINGS)


def fnv(ngram: str) -> int:
    value = 0xCBF29CE484222325
    for character in ngram:
        value = (value ^ ord(character)) * 0x100000001B3 % 2**64
    return (value ^ (value >> 32)) % SETTINGS.ngram_buckets


def test_types_are_distinct_words_in_order_of_first_appearance() -> None:
    part = featurize(TOKENS, VOCABULARY, settings=SETTINGS)
    assert part.types["text"].to_list() == ["The", "cat", "the", "planted", "北京", "。"]
    assert part.documents["word"].to_list() == [[0, 1, 2, 1], [3, 4], [4, 5]]
    assert part.documents.columns == ["doc_id", "split", "content", "kind", "word"]
    ids = dict(part.types.select("text", "id").iter_rows())
    assert ids["The"] == ids["the"] > 0 and ids["planted"] == 0
    kinds = [pl.String, pl.Int32, pl.List(pl.Int32), pl.List(pl.Int32), *[pl.Int8] * len(PROPERTIES)]
    assert list(part.types.schema.values()) == kinds
    assert part.types.columns == ["text", "id", "ngrams", "characters", "bucket", "shape", "script", "pos"]


def test_parts_of_speech() -> None:
    """They come from the user dictionary or jieba, and the settings switch them off."""
    off = SETTINGS.model_copy(update={"part_of_speech": False})
    assert featurize(TOKENS, VOCABULARY, settings=off).types["pos"].to_list() == [0] * 6
    place, user = tag_id("ns"), tag_id("b")
    assert featurize(TOKENS, VOCABULARY, settings=SETTINGS).types["pos"].to_list() == [0, 0, 0, 0, place, 0]
    dictionary = UserDictionary((UserWord("北京", frequency=None, tag="b"),))
    assert featurize(TOKENS, VOCABULARY, settings=SETTINGS, dictionary=dictionary).types["pos"].to_list() == [
        0,
        0,
        0,
        0,
        user,
        0,
    ]


def test_properties_are_below_their_cardinality() -> None:
    types = featurize(TOKENS, VOCABULARY, settings=SETTINGS).types
    for name, size in PROPERTIES.items():
        assert 0 <= types[name].min() <= types[name].max() < size  # type: ignore[operator]


def test_words_of_only_the_test_split_are_unknown() -> None:
    assert "planted" not in VOCABULARY.table["word"]


@given(st.lists(st.text(alphabet="aBé中😀", min_size=1, max_size=6), min_size=1, max_size=5))
def test_ngrams_are_those_of_the_definition(words: list[str]) -> None:
    expected = []
    for word in words:
        edged = f"<{word.lower()}>"
        expected.append([fnv(edged[i : i + n]) for n in (2, 3) for i in range(len(edged) - n + 1)])
    assert hash_ngrams(pl.Series(words), SETTINGS).to_list() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "load_kernels", lambda: None)
        assert hash_ngrams(pl.Series(words), SETTINGS).to_list() == expected


def test_characters_of_words_with_a_chinese_character() -> None:
    """They are in lower case; other words have none."""
    words = pl.Series(["北京", "T恤", "Cat", "。", "𠮷", "カ", "北"])
    found = chinese_characters(words).to_list()
    assert found == [[0x5317, 0x4EAC], [ord("t"), 0x6064], [], [], [0x20BB7], [], [0x5317]]
    assert chinese_characters(pl.Series(["Cat"])).to_list() == [[]]
    assert chinese_characters(words.clear()).to_list() == []


def test_shapes_and_scripts_tell_words_apart() -> None:
    words = [
        "cat",
        "Cat",
        "CAT",
        "C",
        "12",
        "3.14",
        "x86",
        "!",
        ",",
        "$",
        "北京",
        "don't",
        "U.S.",
        "iOS",
        "@me",
        "😀",
    ]
    tokens = pl.DataFrame({"doc_id": ["a"], "words": [words], "content": [[True] * len(words)]})
    types = featurize(tokens, VOCABULARY, settings=SETTINGS).types
    assert types.filter(pl.col("text") != "😀")["shape"].n_unique() == len(words) - 1
    assert types["shape"].max() < NUM_SHAPES and types["script"].max() < NUM_SCRIPTS  # type: ignore[operator]
    script = dict(types.select("text", "script").iter_rows())
    assert len({script["cat"], script["北京"], script["12"], script["!"]}) == 4


def test_saved_parts_are_the_same_mapped_or_read(tmp_path: Path) -> None:
    part = featurize(TOKENS, VOCABULARY, settings=SETTINGS)
    paths = part.save(tmp_path, 0)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in part.save(tmp_path, 0)] == ["part-00000.arrow", "part-00000.types.arrow"]
    assert [path.read_bytes() for path in paths] == first
    for memory_map in (True, False):
        again = FeaturePart.load(tmp_path, 0, memory_map=memory_map)
        assert again.documents.equals(part.documents) and again.types.equals(part.types)


def test_an_empty_part_has_no_types() -> None:
    part = featurize(TOKENS.clear(), VOCABULARY, settings=SETTINGS)
    assert part.documents.height == 0 and part.types.height == 0
