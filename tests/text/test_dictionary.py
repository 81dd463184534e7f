"""User dictionaries: what a line may be, and what is refused by file, line, value and expectation."""

import pickle
from pathlib import Path

import polars as pl
import pytest

from mgm.settings.settings import Settings
from mgm.settings.text import SegmentationSettings
from mgm.text.dictionary import UserDictionary, UserWord, load_dictionaries, load_dictionary
from tests import tiny_corpora


def written(folder: Path, text: str | bytes, name: str = "user.txt") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def test_the_forms_of_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff云计算\r\n\n  大数据 20 \n 明月楼 ns\n故乡人 3 n\n")
    words = (
        UserWord("云计算"),
        UserWord("大数据", frequency=20),
        UserWord("明月楼", frequency=None, tag="ns"),
        UserWord("故乡人", frequency=3, tag="n"),
    )
    dictionary = UserDictionary.load(path)
    assert dictionary.words == words
    assert dictionary.tags == {"明月楼": "ns", "故乡人": "n"}
    dictionary.save(tmp_path / "again" / "user.txt")
    assert UserDictionary.load(tmp_path / "again" / "user.txt") == dictionary
    assert pickle.loads(pickle.dumps(dictionary)) == dictionary


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("云计算\nT恤\n", r"user.txt: line 2: word: found 'T恤', expected Han characters alone"),
        ("云计算 0", r"user.txt: line 1: frequency: found 0, expected a whole number from 1 to 1000000000"),
        ("云计算 多", r"user.txt: line 1: found '多' after '云计算', expected 'word', 'word frequency'"),
        ("云计算 3 n 4", r"user.txt: line 1: found '4' after '云计算'"),
        ("云计算 -3", r"user.txt: line 1: found '-3' after '云计算'"),
        (
            "云计算\n大数据\n云计算 n",
            r"line 3: word: found '云计算', expected each word once \(it is on line 1",
        ),
        ("大数据\n佛々\n", r"user.txt: line 2: word: found '佛々', expected characters that jieba joins"),
        ("云计算 3 wow", r"user.txt: line 1: tag: found 'wow', expected a tag of jieba's"),
        ("\n \n", r"user.txt: found no word, expected lines of 'word'"),
        ("云计算\n".encode("gb18030"), r"user.txt: line 1: found b'.*', expected UTF-8"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UserDictionary.load(written(tmp_path, text))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"user.txt: no such dictionary"):
        UserDictionary.load(tmp_path / "user.txt")
    with pytest.raises(ValueError, match=r"found '\.\./user.txt', expected a file's name"):
        load_dictionary(SegmentationSettings(dictionary="../user.txt"), tmp_path)
    assert load_dictionary(SegmentationSettings(), tmp_path) is None


def test_only_words_without_a_frequency_are_isolated() -> None:
    """A word with a frequency is left to jieba."""
    dictionary = UserDictionary((UserWord("明月"), UserWord("明月照"), UserWord("高楼", frequency=9)))
    runs = pl.Series(["明月照高楼", "高楼"])
    assert dictionary.isolate_words(runs).to_list() == ["\n明月照\n高楼", "高楼"]
    weighed = UserDictionary((UserWord("我归", frequency=10**9),))
    assert weighed.cut("我归") == ["我归"]
    assert weighed.isolate_words(runs).to_list() == runs.to_list()


def test_the_dictionaries_that_settings_name(tmp_path: Path) -> None:
    written(tmp_path, "云计算", "a.txt")
    written(tmp_path, "大数据", "b.txt")
    segmentation = {"segmentation": {"dictionary": "a.txt"}}
    corpora = {"menus": {"text": {"segmentation": {"dictionary": None}}}, "verses": {}}
    config = Settings.parse(tiny_corpora.SETTINGS | {"text": segmentation, "corpora": corpora})
    assert list(load_dictionaries(config, tmp_path)) == ["a.txt"]
    corpora["menus"] = {"text": {"segmentation": {"dictionary": "b.txt"}}}
    config = Settings.parse(tiny_corpora.SETTINGS | {"text": segmentation, "corpora": corpora})
    assert sorted(load_dictionaries(config, tmp_path)) == ["a.txt", "b.txt"]
    assert not load_dictionaries(tiny_corpora.settings(), tmp_path)
