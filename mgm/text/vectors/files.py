"""Word vectors from a file: word2vec's text format (.vec, .txt), or a .npy beside a .txt of its words.

Only vectors of the vocabulary's words are kept. If several words of a file have the same normalized form, such as The and the, the
first one is used.
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
_SHOWN_CHARACTERS = 60  # of a malformed line


def read_vectors(
    folder: Path, name: str | None, *, vocabulary: Vocabulary, width: int, stem: bool = False
) -> VectorTable:
    """Read the vectors of the vocabulary's words from a file.

    Memory: the table, and a few times `CHUNK_BYTES`.

    Args:
        folder: the folder of the file.
        name: the name of the file, as the settings have it.
        vocabulary: the words that get a vector.
        width: the dimensions of a vector, D.
        stem: whether the vocabulary holds stems.

    Returns:
        (V+1, D).

    Raises:
        FileNotFoundError: there is no such file, or no .txt of words beside a .npy.
        ValueError: there is no name, the suffix is unknown, the width is another one, a line is malformed, or words and vectors do not
            match.
    """
    if name is None:
        raise ValueError(
            f"text.vectors.source is file, but text.vectors.file is null; name a file in {folder}"
        )
    path = folder / name
    if path.suffix not in SUFFIXES:
        raise ValueError(f"text.vectors.file: {name!r} ends in none of {', '.join(SUFFIXES)}")
    if not path.is_file():
        names = [p.name for p in folder.glob("*") if p.suffix in SUFFIXES]
        raise FileNotFoundError(f"text.vectors.file: {path}: no such file{nearest(name, names)}")
    builder = _TableBuilder(vocabulary, width, stem=stem)
    (_read_npy if path.suffix == ".npy" else _read_text)(path, builder)
    return builder.table


class _TableBuilder:
    """The table while it is filled."""

    def __init__(self, vocabulary: Vocabulary, width: int, *, stem: bool) -> None:
        self.vocabulary, self.width, self.stem = vocabulary, width, stem
        self.table = np.zeros((len(vocabulary) + 1, width), np.float32)
        self.has_vector = np.zeros(len(vocabulary) + 1, np.bool_)
        self.has_vector[UNKNOWN] = True

    def check_width(self, path: Path, dimensions: int) -> None:
        if dimensions != self.width:
            raise ValueError(
                f"{path}: vectors of {dimensions} dimensions, but model.width is {self.width}; "
                f"set model.width to {dimensions}, or name other vectors in text.vectors.file"
            )

    def claim(self, words: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of words that are the first with their id, in order, and these ids, which count as filled from now on."""
        ids = self.vocabulary.look_up(words, self.stem)["id"].to_numpy()
        _, first = np.unique(ids, return_index=True)
        places = np.sort(first[~self.has_vector[ids[first]]])
        self.has_vector[ids[places]] = True
        return places, ids[places]


def _read_npy(path: Path, builder: _TableBuilder) -> None:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: not an array of numbers: {error}") from error
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ValueError(
            f"{path}: found {values.dtype} of shape {values.shape}, expected numbers, a row a word"
        )
    builder.check_width(path, values.shape[1])
    names = path.with_suffix(".txt")
    if not names.is_file():
        raise FileNotFoundError(f"{names}: no such file; expected the words of {path.name}, one a line")
    words = pl.Series("word", names.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    if len(words) != len(values):
        raise ValueError(f"{names}: {len(words):,} lines, but {path.name} has {len(values):,} rows")
    places, ids = builder.claim(words.str.strip_chars_end("\r"))
    builder.table[ids] = values[places]
    if not np.isfinite(builder.table).all():
        place = int(places[~np.isfinite(builder.table[ids]).all(1)][0])
        raise ValueError(f"{path}: row {place} ({words[place]!r}): expected finite numbers")


def _read_text(path: Path, builder: _TableBuilder) -> None:
    """Read the text format, with or without a first line "words dimensions"."""
    dimensions = announced = None
    seen = 0
    blocks = -(-path.stat().st_size // CHUNK_BYTES)
    for number, lines in progress(_line_chunks(path), f"reading {path.name}", total=blocks, unit=" blocks"):
        if dimensions is None:
            first = lines[0].split() if len(lines) else []
            if len(first) == 2 and all(field.isdecimal() for field in first):
                announced, dimensions = int(first[0]), int(first[1])
                number, lines = 2, lines[1:]
            else:
                dimensions = max(len(first) - 1, 0)
            builder.check_width(path, dimensions)
        seen += len(lines)
        _read_lines(path, lines, number=number, builder=builder)
    if announced is not None and seen != announced:
        raise ValueError(
            f"{path}: line 1 announces {announced:,} words, found {seen:,}; the file is not whole"
        )
    if not seen:
        raise ValueError(f"{path}: holds no vectors")


def _read_lines(path: Path, lines: pl.Series, *, number: int, builder: _TableBuilder) -> None:
    """Read lines, of which the first is line `number` of the file."""
    expected = f"expected a word and {builder.width} numbers"
    table = lines.alias("line").to_frame().with_columns(pl.col("line").str.strip_chars_end(" \r"))
    table = table.with_columns(
        word=pl.col("line").str.extract(r"^([^ ]+)"),
        second=pl.col("line").str.extract(r"^[^ ]+ ([^ ]+)"),
        fields=pl.col("line").str.count_matches(" ", literal=True) + 1,
    ).with_row_index("place")
    # Some files have words with blanks inside (". . ."), which no vocabulary has.
    spaced = (pl.col("fields") > builder.width + 1) & ~pl.col("second").str.contains(_NUMBER)
    malformed = table.filter((pl.col("fields") != builder.width + 1) & ~spaced)
    if malformed.height:
        line, count = malformed["line"][0], malformed["fields"][0] - 1
        value = f"{count} numbers in {line[:_SHOWN_CHARACTERS]!r}" if line else "an empty line"
        raise ValueError(f"{path}: line {number + malformed['place'][0]}: found {value}, {expected}")
    table = table.filter(pl.col("fields") == builder.width + 1)
    if table.is_empty():
        return
    places, ids = builder.claim(table["word"])
    claimed = table[places]
    texts = claimed["line"].str.split(" ").list.slice(1).explode()
    values = texts.cast(pl.Float32, strict=False)
    invalid = (values.is_null() | ~values.is_finite()).fill_null(True).arg_true()
    if len(invalid):
        line = claimed["place"][int(invalid[0]) // builder.width]
        raise ValueError(f"{path}: line {number + line}: found {texts[int(invalid[0])]!r}, {expected}")
    builder.table[ids] = values.to_numpy().reshape(-1, builder.width)


def _line_chunks(path: Path) -> Iterator[tuple[int, pl.Series]]:
    """Yield the lines of a file in chunks, with the number of the first line of each; runs of blanks become one blank."""
    number = 1
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            block += file.readline()
            if b"\t" in block or b"  " in block:
                block = _BLANKS.sub(b" ", block)
            # Old files cut words in the middle of a character; no vocabulary has such a word.
            text = block.decode("utf-8", errors="replace").removesuffix("\n")
            lines = pl.Series("line", [text]).str.split("\n").explode()
            yield number, lines
            number += len(lines)
