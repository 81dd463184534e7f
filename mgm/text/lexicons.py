"""Lists of terms that a user gives: names of places, products, diseases. Taggers read which words are in them.

A line is `term` or, after a tab, `term<TAB>class`. Terms are cleaned and cut into words as documents are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from mgm.settings.text import TextSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings
from mgm.text.cleaning.pipeline import clean_texts
from mgm.text.segmentation.words import find_words
from mgm.text.terms import TERMS, lexicon_names

_LINE = "'term' or 'term<TAB>class'"
_FIELDS = 2


@dataclass(frozen=True)
class Lexicon:
    """The terms of a list, each once, in the order of its file."""

    path: Path = field(compare=False)
    terms: tuple[str, ...]
    classes: tuple[str, ...]
    """The class of each term; empty: it has none."""
    lines: tuple[int, ...] = field(compare=False)
    """The line of each term, counted from 1."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a list in UTF-8; empty lines are skipped.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a line is not in the format, a term is in two classes, or there is none.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such list; text.lexicons names it")
        entries: dict[str, tuple[str, int]] = {}
        for number, raw in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            where = f"{path}: line {number}"
            try:
                line = raw.decode("utf-8").strip("\r")
            except UnicodeDecodeError as error:
                raise ValueError(f"{where}: found {raw!r}, expected UTF-8") from error
            if not line.strip():
                continue
            term, label = _parse(line, where)
            known, first = entries.setdefault(term, (label, number))
            if known != label:
                raise ValueError(
                    f"{where}: term: found {term!r} with class {label!r}, expected each term in one class "
                    f"(on line {first} it has {known!r})"
                )
        if not entries:
            raise ValueError(f"{path}: found no term, expected lines of {_LINE}")
        classes, lines = zip(*entries.values(), strict=True)
        return cls(path, terms=tuple(entries), classes=classes, lines=lines)

    def words(self, settings: TextSettings) -> pl.Series:
        """Return the words of each term, list[str], cleaned and found as those of documents with these settings.

        Raises:
            ValueError: a term has none.
        """
        texts, _ = clean_texts(pl.Series("text", self.terms), settings.cleaning)
        # a tagger finds them whatever words a segmenter makes of Chinese, so that none is needed here
        segmentation = settings.segmentation.model_copy(update={"chinese_tokens": "characters"})
        found = find_words(texts, segmentation, dictionary=None)
        count = np.bincount(found.row, minlength=len(self.terms))
        if not count.all():
            first = int(np.argmin(count))
            raise ValueError(
                f"{self.path}: line {self.lines[first]}: term: found {self.terms[first]!r}, expected at least one word"
            )
        table = pl.DataFrame({"row": found.row, "word": found.types.gather(found.code)})
        return table.group_by("row", maintain_order=True).agg("word")["word"]


def load_lexicons(settings: TextPipelineSettings, folder: Path) -> dict[str, Lexicon]:
    """Return the lists that the enabled corpora name, files in `folder`, by name, sorted.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a name is a path, or a file is not in the format.
    """
    names = lexicon_names(settings)
    for name in names:
        if Path(name).name != name:
            raise ValueError(f"text.lexicons: found {name!r}, expected a file's name in {folder}")
    return {name: Lexicon.load(folder / name) for name in names}


def find_terms(lexicons: Mapping[str, Lexicon], settings: TextPipelineSettings) -> dict[str, pl.DataFrame]:
    """Return the terms (`TERMS`) of each list, cleaned and cut into words as by the corpora that name it.

    Raises:
        ValueError: a term has no word.
    """
    found: dict[str, list[pl.DataFrame]] = {name: [TERMS.to_frame()] for name in lexicons}
    for corpus in sorted(settings.enabled):
        text = settings.text_for(corpus)
        for name in text.lexicons:
            classes = pl.Series(lexicons[name].classes, dtype=pl.String)
            found[name].append(pl.DataFrame({"words": lexicons[name].words(text), "class": classes}))
    return {name: pl.concat(tables) for name, tables in found.items()}


def _parse(line: str, where: str) -> tuple[str, str]:
    """Return the term and the class of a line."""
    term, *rest = (part.strip() for part in line.split("\t"))
    if not term or len(rest) >= _FIELDS or rest == [""]:
        raise ValueError(f"{where}: found {line!r}, expected {_LINE}")
    return term, rest[0] if rest else ""
