"""Word vectors from a file: word2vec's text format (.vec, .txt), or a .npy beside a .txt of its words.

Only what the vocabulary knows is kept; where several words of the file have the same key, as The and the, the first
one wins.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from mgm.corpus.progress import progress
from mgm.settings.names import nearest
from mgm.text.vectors.table import VectorTable
from mgm.text.vocabulary import UNKNOWN, Vocabulary

SUFFIXES = (".vec", ".txt", ".npy")
CHUNK_BYTES = 32 << 20

_BLANKS = re.compile(rb"[ \t]+")
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_SHOWN = 60  # characters of a bad line


def read_vectors(
    folder: Path, name: str | None, vocabulary: Vocabulary, width: int, stem: bool = False
) -> VectorTable:
    """The vectors that the file `name` in `folder` has for words of the vocabulary.

    `stem`: whether the vocabulary holds stems. Memory: the table, and a few times `CHUNK_BYTES`.

    Raises:
        FileNotFoundError: there is no such file, or no .txt of words beside a .npy.
        ValueError: no name, another suffix, another width, a bad line, or words and vectors that do not match.
    """
    if name is None:
        raise ValueError(
            f"text.vectors.source is file, but text.vectors.file is null; name a file in {folder}"
        )
    path = folder / name
    if path.suffix not in SUFFIXES:
        raise ValueError(f"text.vectors.file: {name!r} ends in none of {', '.join(SUFFIXES)}")
    if not path.is_file():
        there = [p.name for p in folder.glob("*") if p.suffix in SUFFIXES]
        raise FileNotFoundError(f"text.vectors.file: {path}: no such file{nearest(name, there)}")
    rows = _TableBuilder(vocabulary, width, stem)
    (_read_npy if path.suffix == ".npy" else _read_text)(path, rows)
    return rows.table


class _TableBuilder:
    """The table as it fills up."""

    def __init__(self, vocabulary: Vocabulary, width: int, stem: bool) -> None:
        self.vocabulary, self.width, self.stem = vocabulary, width, stem
        self.table = np.zeros((len(vocabulary) + 1, width), np.float32)
        self.taken = np.zeros(len(vocabulary) + 1, np.bool_)
        self.taken[UNKNOWN] = True

    def check(self, path: Path, dimensions: int) -> None:
        if dimensions != self.width:
            raise ValueError(
                f"{path}: vectors of {dimensions} dimensions, but model.width is {self.width}; "
                f"set model.width to {dimensions}, or name other vectors in text.vectors.file"
            )

    def wanted(self, words: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """The places of the words that come first for an id, in order, and their ids; from now on they are taken."""
        ids = self.vocabulary.ids(words, self.stem)["id"].to_numpy()
        _, first = np.unique(ids, return_index=True)
        places = np.sort(first[~self.taken[ids[first]]])
        self.taken[ids[places]] = True
        return places, ids[places]


def _read_npy(path: Path, rows: _TableBuilder) -> None:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: not an array of numbers: {error}") from error
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ValueError(
            f"{path}: found {values.dtype} of shape {values.shape}, expected numbers, a row a word"
        )
    rows.check(path, values.shape[1])
    names = path.with_suffix(".txt")
    if not names.is_file():
        raise FileNotFoundError(f"{names}: no such file; expected the words of {path.name}, one a line")
    words = pl.Series("word", names.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    if len(words) != len(values):
        raise ValueError(f"{names}: {len(words):,} lines, but {path.name} has {len(values):,} rows")
    places, ids = rows.wanted(words.str.strip_chars_end("\r"))
    rows.table[ids] = values[places]
    if not np.isfinite(rows.table).all():
        place = int(places[~np.isfinite(rows.table[ids]).all(1)][0])
        raise ValueError(f"{path}: row {place} ({words[place]!r}): expected finite numbers")


def _read_text(path: Path, rows: _TableBuilder) -> None:
    """With or without a first line "words dimensions"."""
    dimensions = announced = None
    seen = 0
    blocks = -(-path.stat().st_size // CHUNK_BYTES)
    for number, lines in progress(_chunks_of_lines(path), f"reading {path.name}", blocks, " blocks"):
        if dimensions is None:
            first = lines[0].split() if len(lines) else []
            if len(first) == 2 and all(field.isdecimal() for field in first):
                announced, dimensions = int(first[0]), int(first[1])
                number, lines = 2, lines[1:]
            else:
                dimensions = max(len(first) - 1, 0)
            rows.check(path, dimensions)
        seen += len(lines)
        _read_lines(path, lines, number, rows)
    if announced is not None and seen != announced:
        raise ValueError(
            f"{path}: line 1 announces {announced:,} words, found {seen:,}; the file is not whole"
        )
    if not seen:
        raise ValueError(f"{path}: holds no vectors")


def _read_lines(path: Path, lines: pl.Series, number: int, rows: _TableBuilder) -> None:
    """`number`: that of the first of these lines in the file."""
    expected = f"expected a word and {rows.width} numbers"
    table = lines.alias("line").to_frame().with_columns(pl.col("line").str.strip_chars_end(" \r"))
    table = table.with_columns(
        word=pl.col("line").str.extract(r"^([^ ]+)"),
        second=pl.col("line").str.extract(r"^[^ ]+ ([^ ]+)"),
        fields=pl.col("line").str.count_matches(" ", literal=True) + 1,
    ).with_row_index("place")
    # Some files have words with blanks inside (". . ."); they are none of ours.
    spaced = (pl.col("fields") > rows.width + 1) & ~pl.col("second").str.contains(_NUMBER)
    wrong = table.filter((pl.col("fields") != rows.width + 1) & ~spaced)
    if wrong.height:
        line, count = wrong["line"][0], wrong["fields"][0] - 1
        found = f"{count} numbers in {line[:_SHOWN]!r}" if line else "an empty line"
        raise ValueError(f"{path}: line {number + wrong['place'][0]}: found {found}, {expected}")
    table = table.filter(pl.col("fields") == rows.width + 1)
    if table.is_empty():
        return
    places, ids = rows.wanted(table["word"])
    chosen = table[places]
    texts = chosen["line"].str.split(" ").list.slice(1).explode()
    values = texts.cast(pl.Float32, strict=False)
    bad = (values.is_null() | ~values.is_finite()).fill_null(True).arg_true()
    if len(bad):
        line = chosen["place"][int(bad[0]) // rows.width]
        raise ValueError(f"{path}: line {number + line}: found {texts[int(bad[0])]!r}, {expected}")
    rows.table[ids] = values.to_numpy().reshape(-1, rows.width)


def _chunks_of_lines(path: Path) -> Iterator[tuple[int, pl.Series]]:
    """The lines of a file, some at once, each time with the number of the first; runs of blanks are one blank."""
    number = 1
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            block += file.readline()
            if b"\t" in block or b"  " in block:
                block = _BLANKS.sub(b" ", block)
            # Old files cut words in the middle of a character; such a word is none of ours.
            text = block.decode("utf-8", errors="replace").removesuffix("\n")
            lines = pl.Series("line", [text]).str.split("\n").explode()
            yield number, lines
            number += len(lines)
