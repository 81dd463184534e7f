"""Subwords: the pieces that targets of generation are spelled with, a unigram model trained on the training targets.

Source: Kudo 2018, arXiv:1804.10959, by the library SentencePiece.
"""

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import sentencepiece

from mgm.text.list_columns import offsets, unflatten

SUBWORDS_FILE = "subwords.model"
UNKNOWN, END = 0, 1
"""The ids of an unknown piece, which no target has, and of the end of a target."""
MAX_TARGETS = 2_000_000
"""The most targets that subwords are trained on, which are held in memory: of more, every second, fourth, ... one."""
_BLANK = "▁"
"""The sign for a blank within SentencePiece's pieces."""
_BYTE = re.compile(r"^<0x([0-9A-F]{2})>$")


class Subwords:
    """A model that spells texts in pieces. Nothing is unknown: a character without a piece is spelled in bytes.

    A word that begins with a letter or digit outside of the CJK scripts has a blank before it, even at the beginning of a text, so that
    it is spelled the same in a source and in a target, at any position.
    """

    def __init__(self, model: bytes) -> None:
        """Load a model from the bytes of SentencePiece's own file format."""
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Self:
        """Train at most `size` pieces; there are fewer if the texts do not have enough. At most `MAX_TARGETS` texts are read.

        Raises:
            ValueError: there is no text.
        """
        lines = _thin_out(spaced for text in texts if (spaced := _spaced(text)).strip())
        if not lines:
            raise ValueError(
                "subwords: expected a target of a generation task in the training rows, found none"
            )
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=size,
            hard_vocab_limit=False,
            byte_fallback=True,
            character_coverage=0.9995,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            unk_id=UNKNOWN,
            eos_id=END,
            bos_id=-1,
            pad_id=-1,
            max_sentence_length=1 << 20,
            num_threads=1,
            minloglevel=2,
        )
        return cls(model.getvalue())

    @property
    def pieces(self) -> list[str]:
        """All pieces, in the order of their ids."""
        return [self._processor.id_to_piece(i) for i in range(self._processor.get_piece_size())]

    def encode_targets(self, texts: pl.Series) -> pl.Series:
        """Return the ids of each target's pieces, with END after them: list[i32], null for null."""
        valid = texts.is_not_null().to_numpy()
        rows = self._processor.encode([_spaced(text) for text in texts.drop_nulls()], out_type=int)
        ids = np.concatenate([np.zeros(0, np.int32), *(np.array([*row, END], np.int32) for row in rows)])
        counts = np.zeros(len(texts), np.int64)
        counts[valid] = [len(row) + 1 for row in rows]
        return unflatten(pl.Series(ids), counts, name=texts.name, valid=valid)

    def encode_words(self, words: pl.Series) -> pl.Series:
        """Return the ids of the pieces of each word of a source, at least one: `subwords`, list[i32]."""
        rows = self._processor.encode(_spaced_words(words).to_list(), out_type=int)
        ids = np.concatenate([np.zeros(0, np.int32), *(np.array(row or [UNKNOWN], np.int32) for row in rows)])
        return unflatten(
            pl.Series(ids), np.array([max(len(row), 1) for row in rows], np.int64), name="subwords"
        )

    def save(self, path: Path) -> None:
        """Write the model in SentencePiece's own file format."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.model)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the model that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a SentencePiece model.
        """
        return cls.parse(path.read_bytes(), path)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> Self:
        """Return the model of a file's content; errors name its path.

        Raises:
            ValueError: it is not a SentencePiece model.
        """
        try:
            return cls(content)
        except RuntimeError as error:
            raise ValueError(f"{path}: expected a SentencePiece model: {error}") from error


def piece_bytes(pieces: Sequence[str]) -> list[bytes]:
    """Return the text of each piece in UTF-8; empty for control pieces."""
    spelled = []
    for number, piece in enumerate(pieces):
        byte = _BYTE.match(piece)
        text = bytes([int(byte[1], 16)]) if byte else piece.replace(_BLANK, " ").encode()
        spelled.append(b"" if number in (UNKNOWN, END) else text)
    return spelled


def decode_pieces(
    ids: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], *, pieces: Sequence[str]
) -> pl.Series:
    """Return the text of each row of ids; bytes that are not a character become U+FFFD.

    Args:
        ids: the ids of all rows, one after another.
        counts: the number of ids of each row, (rows,).
        pieces: all pieces, in the order of their ids.
    """
    values = pa.array(piece_bytes(pieces), pa.large_binary()).take(pa.array(ids, pa.int64()))
    lists = pa.LargeListArray.from_arrays(pa.array(offsets(counts)), values)
    rows = pc.binary_join(lists, pa.scalar(b"", pa.large_binary()))
    return pl.Series([row.decode("utf-8", "replace").strip() for row in rows.to_pylist()], dtype=pl.String)


def visible_pieces(pieces: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which pieces are visible text on their own, (pieces,): not blanks, and not parts of a character."""
    return np.array(
        [any(c.isprintable() and not c.isspace() for c in _decode(p)) for p in piece_bytes(pieces)]
    )


def _decode(spelled: bytes) -> str:
    return spelled.decode("utf-8", "ignore")


def _thin_out(lines: Iterable[str]) -> list[str]:
    """Return at most `MAX_TARGETS` of the lines, evenly spread over all."""
    kept: list[str] = []
    stride = 1
    for number, line in enumerate(lines):
        if number % stride == 0:
            kept.append(line)
        if len(kept) > MAX_TARGETS:
            kept, stride = kept[::2], 2 * stride
    return kept


def _spaced(text: str) -> str:
    first = text[:1]
    return f" {text}" if first.isalnum() and not "\u2e80" <= first <= "\U0003ffff" else text


def _spaced_words(words: pl.Series) -> pl.Series:
    word = pl.col(words.name)
    latin = word.str.contains(r"^[\p{L}\p{N}]") & ~word.str.contains(r"^[\x{2e80}-\x{3ffff}]")
    return words.to_frame().select(pl.when(latin).then(pl.lit(" ") + word).otherwise(word)).to_series()
