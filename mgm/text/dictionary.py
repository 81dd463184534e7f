"""The user's own Chinese words, in the format of jieba's user dictionaries, and the segmenter that knows them.

A line is `word`, `word frequency`, `word tag` or `word frequency tag`. A word without a frequency is one word
wherever it stands in a run of Han characters (the leftmost first, of those the longest). A word with one is
weighed by jieba against the words around it, as jieba's own are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import polars as pl
import rjieba

from mgm.settings.text import SegmentationSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.part_of_speech import is_tag

MAX_FREQUENCY = 10**9

_WORD = r"^\p{Han}+$"
_TAG = re.compile(r"[a-z]+")
_LINE = "\n"
_FORMS = "'word', 'word frequency', 'word tag' or 'word frequency tag'"

Cut = Callable[[str], list[str]]


@dataclass(frozen=True)
class UserWord:
    """A word of the user's; None where its line does not say."""

    word: str
    frequency: int | None = None
    tag: str | None = None

    @property
    def line(self) -> str:
        """The word as a line of a dictionary."""
        return " ".join(str(part) for part in (self.word, self.frequency, self.tag) if part is not None)


@dataclass(frozen=True)
class UserDictionary:
    """The user's words, in the order of their file."""

    words: tuple[UserWord, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a dictionary: UTF-8, a word a line, empty lines left out.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a line is no word; the error names file, line, value and what was expected.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such dictionary; text.segmentation.dictionary names it")
        lines: dict[str, int] = {}
        words = []
        for number, raw in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            where = f"{path}: line {number}"
            try:
                fields = raw.decode("utf-8").split()
            except UnicodeDecodeError as error:
                raise ValueError(f"{where}: found {raw!r}, expected UTF-8") from error
            if not fields:
                continue
            word = _parse(fields, where)
            if word.word in lines:
                raise ValueError(
                    f"{where}: word: found {word.word!r}, expected each word once "
                    f"(it stands on line {lines[word.word]} too)"
                )
            lines[word.word] = number
            words.append(word)
        if not words:
            raise ValueError(f"{path}: found no word, expected lines of {_FORMS}")
        made = cls(tuple(words))
        for whole in made.whole:
            if made.cut(whole) != [whole]:
                raise ValueError(
                    f"{path}: line {lines[whole]}: word: found {whole!r}, "
                    "expected characters that jieba joins to words"
                )
        return made

    def save(self, path: Path) -> None:
        """Writes what `load` reads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{word.line}\n" for word in self.words), encoding="utf-8")

    @cached_property
    def tags(self) -> dict[str, str]:
        """The words with a part of speech."""
        return {word.word: word.tag for word in self.words if word.tag is not None}

    @cached_property
    def whole(self) -> list[str]:
        """The words that are never cut, the longest first."""
        return sorted((w.word for w in self.words if w.frequency is None), key=lambda w: (-len(w), w))

    def set_off(self, runs: pl.Series) -> pl.Series:
        """Runs of Han characters with line breaks around the words that are never cut."""
        if not self.whole:
            return runs
        apart = [f"{_LINE}{word}{_LINE}" for word in self.whole]
        return runs.str.replace_many(self.whole, apart, leftmost=True)

    @property
    def cut(self) -> Cut:
        """Cuts a text into words, each line by itself."""
        return _segmenter(self).cut


def load_dictionary(settings: SegmentationSettings, folder: Path) -> UserDictionary | None:
    """The dictionary that the settings name, a file in `folder`; None where they name none.

    Raises:
        FileNotFoundError, ValueError: see `UserDictionary.load`; or the name is a path.
    """
    name = settings.dictionary
    if name is None:
        return None
    if Path(name).name != name:
        raise ValueError(f"text.segmentation.dictionary: found {name!r}, expected a file's name in {folder}")
    return UserDictionary.load(folder / name)


def load_dictionaries(settings: TextPipelineSettings, folder: Path) -> dict[str, UserDictionary]:
    """The dictionaries that `text` and the enabled corpora name, by name; see `dictionary_of`."""
    found = {}
    for corpus in [None, *sorted(settings.enabled)]:
        segmentation = settings.text_for(corpus).segmentation
        dictionary = load_dictionary(segmentation, folder)
        if segmentation.dictionary is not None and dictionary is not None:
            found[segmentation.dictionary] = dictionary
    return found


def _parse(fields: list[str], where: str) -> UserWord:
    word, *rest = fields
    if not pl.Series([word]).str.contains(_WORD).all():
        raise ValueError(f"{where}: word: found {word!r}, expected Han characters alone")
    frequency = int(rest.pop(0)) if rest and rest[0].isdecimal() else None
    if frequency is not None and not 1 <= frequency <= MAX_FREQUENCY:
        raise ValueError(
            f"{where}: frequency: found {frequency}, expected a whole number from 1 to {MAX_FREQUENCY}"
        )
    tag = rest.pop(0) if rest and _TAG.fullmatch(rest[0]) else None
    if tag is not None and not is_tag(tag):
        raise ValueError(f"{where}: tag: found {tag!r}, expected a tag of jieba's, such as n, ns or v")
    if rest:
        raise ValueError(f"{where}: found {rest[0]!r} after {word!r}, expected {_FORMS}")
    return UserWord(word, frequency, tag)


@lru_cache(maxsize=16)
def _segmenter(dictionary: UserDictionary) -> rjieba.Jieba:
    """jieba with these words, made once a process."""
    jieba = rjieba.Jieba()
    for word in dictionary.words:
        if word.frequency is not None:
            jieba.add_word(word.word, word.frequency, word.tag)
    # The short ones first: jieba then gives each so high a frequency that it stays whole on a line of its own.
    for whole in reversed(dictionary.whole):
        jieba.add_word(whole, None, dictionary.tags.get(whole))
    return jieba
