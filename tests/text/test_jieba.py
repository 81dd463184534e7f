"""The kernel that cuts and tags Chinese words, beside rjieba."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
import rjieba
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgm import native
from mgm.settings.text import SegmentationSettings
from mgm.text.jieba import load_jieba
from mgm.text.part_of_speech import NO_POS, TAGS, tag_id, tag_words
from mgm.text.segmentation.numbered_words import Spellings, number_words
from tests.kernel_library import kernel_library

# words of the dictionary, names that it lacks, words that it splits, characters that are rare, that no model knows, and outside the first plane
PIECES = [
    "的", "北京", "北京大学", "清华大学", "研究", "研究生", "生命", "结婚", "和", "尚未", "和尚", "杭研", "张尧", "郭家", "谠论", "人道",
    "能换", "一看", "葽", "卋", "㐀", "䜣", "鿿", "龘", "〇", "々", "豈", "𠀀", "有意见分歧", "中华人民共和国", "于丹", "阿诺", "手",
]  # fmt: skip
runs = st.lists(
    st.one_of(st.sampled_from(PIECES), st.characters(min_codepoint=0x4E00, max_codepoint=0x9FD5)),
    min_size=1,
    max_size=9,
).map("".join)


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "LIBRARY", kernel_library())
        yield


@settings(max_examples=25)
@example(["结婚的和尚未结婚的", "他来到了网易杭研大厦", "㐀䜣张尧手一看龘", "葽卋葽"])
@given(st.lists(runs, min_size=1, max_size=6))
def test_words_are_those_of_rjieba(texts: list[str]) -> None:
    found = number_words(pl.Series(texts), SegmentationSettings(), known=Spellings(), dictionary=None)
    words = np.split(found.new.gather(-1 - found.word).to_numpy(), np.cumsum(found.counts)[:-1])
    assert [of_text.tolist() for of_text in words] == [rjieba.cut(text) for text in texts]


@settings(max_examples=25)
@example([*PIECES, "㐀" * 20])
@given(st.lists(runs, min_size=1, max_size=6))
def test_tags_are_those_of_rjieba(words: list[str]) -> None:
    expected = [TAGS[tag_id(rjieba.tag(word)[-1][1]) - 1] for word in words]
    assert [TAGS[i - 1] for i in tag_words(pl.Series(words))] == expected


def test_few_words_need_rjieba() -> None:
    """Those with other characters, and the longest that the dictionary lacks."""
    jieba = load_jieba()
    assert jieba is not None
    tags = jieba.tag(pl.Series(["北京", "张尧", "cat", "", "𠀀", "㐀" * 20])).tolist()
    assert tags == [tag_id("ns"), tag_id("nr"), *[NO_POS] * 4]


def test_long_runs_are_cut() -> None:
    run = "研究生命起源张尧" * 3_000
    found = number_words(pl.Series([run]), SegmentationSettings(), known=Spellings(), dictionary=None)
    assert found.new.gather(-1 - found.word).to_list() == rjieba.cut(run)
