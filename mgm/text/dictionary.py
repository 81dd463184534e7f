"""User dictionaries of Chinese words, in jieba's format, and the segmenter that knows them.

A line is `word`, `word frequency`, `word tag` or `word frequency tag`. A word without a frequency is never split, wherever it occurs
in a run of Han characters (of overlapping ones the leftmost, then the longest). A word with a frequency competes with the words around
it, as jieba's own words do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from mgm.settings.text import SegmentationSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.part_of_speech import is_tag

if TYPE_CHECKING:
    import rjieba

MAX_FREQUENCY = 10**9

_WORD = r"^\p{Han}+$"
_TAG = re.compile(r"[a-z]+")
_LINE = "\n"
_FORMS = "'word', 'word frequency', 'word tag' or 'word frequency tag'"

Cut = Callable[[str], list[str]]


@dataclass(frozen=True)
class UserWord:
    """A line of a user dictionary."""

    word: str
    frequency: int | None = field(default=None, kw_only=True)
    """The frequency; None: the word is never split."""
    tag: str | None = field(default=None, kw_only=True)
    """The part of speech, if the line has one."""

    @property
    def line(self) -> str:
        """Return the word as a line of a dictionary."""
        return " ".join(str(part) for part in (self.word, self.frequency, self.tag) if part is not None)


@dataclass(frozen=True)
class UserDictionary:
    """The words of a user dictionary, in the order of its file."""

    words: tuple[UserWord, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a dictionary in UTF-8, one word a line; empty lines are skipped.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a line is not in the format.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such dictionary; text.segmentation.dictionary names it")
        return cls.parse(path.read_bytes(), path)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> Self:
        """Return the dictionary of a file's content; errors name its path.

        Raises:
            ValueError: a line is not in the format.
        """
        lines: dict[str, int] = {}
        words = []
        for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            where = f"{path}: line {number}"
            try:
                fields = raw.decode("utf-8").split()
            except UnicodeDecodeError as error:
                raise ValueError(f"{where}: found {raw!r}, expected UTF-8") from error
            if not fields:
                continue
            entry = _parse(fields, where)
            if entry.word in lines:
                raise ValueError(
                    f"{where}: word: found {entry.word!r}, expected each word once "
                    f"(it is on line {lines[entry.word]} too)"
                )
            lines[entry.word] = number
            words.append(entry)
        if not words:
            raise ValueError(f"{path}: found no word, expected lines of {_FORMS}")
        dictionary = cls(tuple(words))
        for word in dictionary.unsplit_words:
            if dictionary.cut(word) != [word]:
                raise ValueError(
                    f"{path}: line {lines[word]}: word: found {word!r}, "
                    "expected characters that jieba joins to words"
                )
        return dictionary

    def save(self, path: Path) -> None:
        """Write the dictionary in the format that `load` reads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{word.line}\n" for word in self.words), encoding="utf-8")

    @cached_property
    def tags(self) -> dict[str, str]:
        """The parts of speech, by word; only words with one."""
        return {word.word: word.tag for word in self.words if word.tag is not None}

    @cached_property
    def unsplit_words(self) -> list[str]:
        """The words that are never split, the longest first."""
        return sorted((w.word for w in self.words if w.frequency is None), key=lambda w: (-len(w), w))

    def isolate_words(self, runs: pl.Series) -> pl.Series:
        """Return runs of Han characters with line breaks around the words that are never split."""
        if not self.unsplit_words:
            return runs
        isolated = [f"{_LINE}{word}{_LINE}" for word in self.unsplit_words]
        return runs.str.replace_many(self.unsplit_words, isolated, leftmost=True)

    @property
    def cut(self) -> Cut:
        """The function that cuts a text into words, each line on its own."""
        return _segmenter(self).cut


def load_dictionary(settings: SegmentationSettings, folder: Path) -> UserDictionary | None:
    """Return the dictionary that the settings name, a file in `folder`; None if they name none.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the name is a path, or the file is not in the format.
    """
    name = settings.dictionary
    if name is None:
        return None
    if Path(name).name != name:
        raise ValueError(f"text.segmentation.dictionary: found {name!r}, expected a file's name in {folder}")
    return UserDictionary.load(folder / name)


def load_dictionaries(settings: TextPipelineSettings, folder: Path) -> dict[str, UserDictionary]:
    """Return the dictionaries that `text` and the enabled corpora name, by name; see `load_dictionary`."""
    dictionaries = {}
    for corpus in [None, *sorted(settings.enabled)]:
        segmentation = settings.text_for(corpus).segmentation
        dictionary = load_dictionary(segmentation, folder)
        if segmentation.dictionary is not None and dictionary is not None:
            dictionaries[segmentation.dictionary] = dictionary
    return dictionaries


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
    return UserWord(word, frequency=frequency, tag=tag)


@lru_cache(maxsize=16)
def _segmenter(dictionary: UserDictionary) -> "rjieba.Jieba":
    """Return jieba with the words of a dictionary, loaded once a process."""
    import rjieba  # here for its time, as in mgm/text/segmentation/words.py

    jieba = rjieba.Jieba()
    for entry in dictionary.words:
        if entry.frequency is not None:
            jieba.add_word(entry.word, entry.frequency, entry.tag)
    # The short words first: jieba then gives each a frequency that is high enough to keep it whole on a separate line.
    for word in reversed(dictionary.unsplit_words):
        jieba.add_word(word, None, dictionary.tags.get(word))
    return jieba
