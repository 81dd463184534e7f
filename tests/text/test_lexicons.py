"""Lists of terms: what a line may be, and what is refused by file, line, value and expectation."""

from pathlib import Path

import pytest

from mgm.settings.settings import Settings
from mgm.settings.text import TextSettings
from mgm.text.lexicons import Lexicon, find_terms, load_lexicons
from tests import tiny_corpora


def written(folder: Path, text: str | bytes, name: str = "places.txt") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def with_lists(*names: str) -> Settings:
    """The tiny corpora, of which `menus` names these lists."""
    menus = {"text": {"lexicons": list(names)}}
    return Settings.parse(tiny_corpora.SETTINGS | {"corpora": {"menus": menus, "verses": {}}})


def test_the_forms_of_a_line(tmp_path: Path) -> None:
    lexicon = Lexicon.load(written(tmp_path, "\ufeffNew York\tcity\r\n\n  明月楼 \nNew York\tcity\n"))
    assert (lexicon.terms, lexicon.classes, lexicon.lines) == (("New York", "明月楼"), ("city", ""), (1, 3))
    assert lexicon.words(TextSettings()).to_list() == [["New", "York"], ["明", "月", "楼"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n \n", "places.txt: found no term, expected lines of 'term' or 'term<TAB>class'"),
        ("Rome\nParis\tcity\tFrance", r"line 2: found 'Paris\\tcity\\tFrance', expected 'term' or"),
        ("Rome\t", r"line 1: found 'Rome\\t', expected 'term' or"),
        ("\tcity", r"line 1: found '\\tcity', expected 'term' or"),
        ("Rome\tcity\nParis\nRome\thero", r"line 3: term: found 'Rome' with class 'hero'.*on line 1.*'city'"),
        ("北京\n".encode("gb18030"), r"line 1: found b'.*', expected UTF-8"),
    ],
    ids=["empty", "three fields", "no class", "no term", "two classes", "not UTF-8"],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Lexicon.load(written(tmp_path, text))


def test_a_term_without_words_is_named(tmp_path: Path) -> None:
    written(tmp_path, "Rome\n\u200b\u200c\n")
    settings = with_lists("places.txt")
    lexicons = load_lexicons(settings, tmp_path)
    with pytest.raises(ValueError, match=r"places.txt: line 2: term: found .*, expected at least one word"):
        find_terms(lexicons, settings)


def test_lists_are_those_that_enabled_corpora_name(tmp_path: Path) -> None:
    written(tmp_path, "Rome"), written(tmp_path, "Enter", "keys.txt")
    assert list(load_lexicons(with_lists("places.txt", "keys.txt"), tmp_path)) == ["keys.txt", "places.txt"]
    assert load_lexicons(tiny_corpora.settings(), tmp_path) == {}
    with pytest.raises(FileNotFoundError, match=r"lost.txt: no such list; text.lexicons names it"):
        load_lexicons(with_lists("lost.txt"), tmp_path)
    with pytest.raises(ValueError, match=r"text.lexicons: found '../places.txt', expected a file's name in"):
        load_lexicons(with_lists("../places.txt"), tmp_path)
