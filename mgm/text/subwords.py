"""Subwords: the pieces that generation tasks write with, learned from their training targets by a unigram model.

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

from mgm.text.list_columns import unflatten

SUBWORDS_FILE = "subwords.model"
UNKNOWN, END = 0, 1
"""The ids of what no piece spells, which is never written, and of the end of a target."""
_BLANK = "▁"
"""What the library writes for a blank within pieces."""
_BYTE = re.compile(r"^<0x([0-9A-F]{2})>$")


class Subwords:
    """Texts to ids of pieces and back. Nothing is unknown: a character that is no piece is spelt by its bytes.

    A word that Latin letters or digits begin has a blank before it, also at the beginning of a text; so a word of a source is
    the same ids as in a target, wherever it stands.
    """

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Self:
        """At most `size` pieces; fewer where the texts have not so many.

        Raises:
            ValueError: there is no text.
        """
        lines = [spaced for text in texts if (spaced := _spaced(text)).strip()]
        if not lines:
            raise ValueError("no target of a generation task stands in the training rows")
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=written,
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
        return cls(written.getvalue())

    @property
    def pieces(self) -> list[str]:
        """All pieces, by their ids."""
        return [self._processor.id_to_piece(i) for i in range(self._processor.get_piece_size())]

    def targets(self, texts: pl.Series) -> pl.Series:
        """list[i32]: the ids of each text, then END; null for null."""
        known = texts.is_not_null().to_numpy()
        found = self._processor.encode([_spaced(text) for text in texts.drop_nulls()], out_type=int)
        ids = np.concatenate([np.zeros(0, np.int32), *(np.array([*row, END], np.int32) for row in found)])
        count = np.zeros(len(texts), np.int64)
        count[known] = [len(row) + 1 for row in found]
        return unflatten(pl.Series(ids), count, name=texts.name, valid=known)

    def words(self, words: pl.Series) -> pl.Series:
        """`subwords`, list[i32]: the ids of each word of a source, at least one."""
        found = self._processor.encode(_spaced_words(words).to_list(), out_type=int)
        ids = np.concatenate(
            [np.zeros(0, np.int32), *(np.array(row or [UNKNOWN], np.int32) for row in found)]
        )
        return unflatten(
            pl.Series(ids), np.array([max(len(row), 1) for row in found], np.int64), name="subwords"
        )

    def save(self, path: Path) -> None:
        """Writes the library's own model file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.model)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no such model.
        """
        try:
            return cls(path.read_bytes())
        except RuntimeError as error:
            raise ValueError(f"{path}: no SentencePiece model: {error}") from error


def piece_bytes(pieces: Sequence[str]) -> list[bytes]:
    """What each piece writes; nothing for those of control."""
    spelt = []
    for number, piece in enumerate(pieces):
        byte = _BYTE.match(piece)
        text = bytes([int(byte[1], 16)]) if byte else piece.replace(_BLANK, " ").encode()
        spelt.append(b"" if number in (UNKNOWN, END) else text)
    return spelt


def decode_pieces(
    ids: npt.NDArray[np.int64], count: npt.NDArray[np.int64], pieces: Sequence[str]
) -> pl.Series:
    """The text of each row of ids, which lie one row of `count` after another; bytes that are no character become U+FFFD."""
    flat = pa.array(piece_bytes(pieces), pa.large_binary()).take(pa.array(ids, pa.int64()))
    offsets = pa.array(np.concatenate([[0], np.cumsum(count)]), pa.int64())
    rows = pc.binary_join(pa.LargeListArray.from_arrays(offsets, flat), pa.scalar(b"", pa.large_binary()))
    return pl.Series([row.decode("utf-8", "replace").strip() for row in rows.to_pylist()], dtype=pl.String)


def visible_pieces(pieces: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which pieces make a text that is not blank, by themselves: no blanks, and no parts of a character."""
    return np.array(
        [any(c.isprintable() and not c.isspace() for c in _shown(p)) for p in piece_bytes(pieces)]
    )


def _shown(spelt: bytes) -> str:
    return spelt.decode("utf-8", "ignore")


def _spaced(text: str) -> str:
    first = text[:1]
    return f" {text}" if first.isalnum() and not "\u2e80" <= first <= "\U0003ffff" else text


def _spaced_words(words: pl.Series) -> pl.Series:
    word = pl.col(words.name)
    latin = word.str.contains(r"^[\p{L}\p{N}]") & ~word.str.contains(r"^[\x{2e80}-\x{3ffff}]")
    return words.to_frame().select(pl.when(latin).then(pl.lit(" ") + word).otherwise(word)).to_series()
