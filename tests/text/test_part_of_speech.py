"""Parts of speech of distinct words."""

import polars as pl
import pytest

from mgm.text.part_of_speech import NO_POS, NUM_POS, TAGS, is_tag, tag_id, tag_words


def tags(words: list[str], given: dict[str, str] | None = None) -> list[str | None]:
    found = tag_words(pl.Series(words, dtype=pl.String), given)
    assert found.dtype == pl.Int8
    assert found.name == "pos"
    return [None if i == NO_POS else TAGS[i - 1] for i in found.to_list()]


def test_chinese_words_have_the_tags_of_jieba() -> None:
    words = ["我们", "cat", "北京", "北京大学", "去", "。", "三", "李白", "3", "了"]
    assert tags(words) == ["r", None, "ns", "nt", "v", None, "m", "nr", None, "u"]


def test_a_word_that_jieba_cuts_has_the_tag_of_its_last_piece() -> None:
    assert tags(["我们去北京", "cat"]) == ["ns", None]


def test_a_tag_of_the_users_comes_first() -> None:
    assert tags(["北京", "我们", "cat"], {"我们": "nz", "大数据": "n"}) == ["ns", "nz", None]


def test_words_that_are_not_chinese_have_none() -> None:
    assert tags(["cat", "T恤", "3"]) == [None, None, None]
    assert tags([]) == []


@pytest.mark.parametrize(
    ("tag", "folded"),
    [("nrt", "nr"), ("vn", "v"), ("uj", "u"), ("eng", "x"), ("", "x"), ("n", "n"), ("w", "x")],
)
def test_tags_are_folded(tag: str, folded: str) -> None:
    assert TAGS[tag_id(tag) - 1] == folded
    assert 0 < tag_id(tag) < NUM_POS


def test_what_is_a_tag() -> None:
    assert all(map(is_tag, ["n", "nrfg", "eng", "vn"]))
    assert not any(map(is_tag, ["wow", "", "nouns"]))
