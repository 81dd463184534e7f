"""Documents as pieces of an encoder's tokenizer, aligned with mgm's words by offsets.

Axes: B documents, N words, U pieces.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from mgm.errors import MissingExtra
from mgm.text.features import FeaturePart
from mgm.text.list_columns import flatten, lengths, offsets

TEXTS_AT_ONCE = 4_096


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The pieces of documents, without special ones.

    Attributes:
        ids: (U,) one document after another.
        count: (B,) pieces of each document.
        start: (N,) the first piece of each word, counted from its document's first.
        stop: (N,) the piece after its last; as `start` for a word without pieces, or after the last piece that is read.
        word_count: (B,) words of each document.
        whole_count: (B,) pieces of each document before it is cut.
    """

    ids: np.ndarray
    count: np.ndarray
    whole_count: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    word_count: np.ndarray


class PieceTokenizer:
    """The tokenizer of an encoder.

    Attributes:
        leading: the ids of special pieces before those of a text.
        trailing: the ids of those after it.
        padding: the id that fills up rows.
    """

    def __init__(self, content: str) -> None:
        """Read the text of a tokenizer.json.

        Raises:
            MissingExtra: the package `tokenizers` is not installed.
            ValueError: it is not that of a tokenizer.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtra(
                "model.pretrained: pieces are made by the package tokenizers, which is not installed",
                extra="pretrained",
            ) from None
        try:
            self._tokenizer = Tokenizer.from_str(content)
        except Exception as error:  # the library has no class of its own for it
            raise ValueError(f"tokenizer.json: not that of a tokenizer: {error}") from error
        padding = json.loads(content).get("padding") or {}
        # documents are cut and filled up here
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        around = self._tokenizer.encode("a")
        is_special = np.array(around.special_tokens_mask, dtype=bool)
        content_at = np.flatnonzero(~is_special)
        first, last = (content_at[0], content_at[-1] + 1) if len(content_at) else (1, 1)
        self.leading: list[int] = around.ids[:first]
        self.trailing: list[int] = around.ids[last:]
        self.padding = int(padding.get("pad_id", self._padding_id()))

    @property
    def num_ids(self) -> int:
        """The number of ids."""
        return int(self._tokenizer.get_vocab_size())

    def split(self, texts: Sequence[str], words: Sequence[np.ndarray], *, max_pieces: int) -> Pieces:
        """Return the pieces of texts.

        Args:
            texts: the texts.
            words: the bounds (n,2) of each text's words in code points, ascending.
            max_pieces: the most pieces of a text; those after them are left out.
        """
        ids, counts, wholes, starts, stops = [], [], [], [], []
        for begin in range(0, len(texts), TEXTS_AT_ONCE):
            some = texts[begin : begin + TEXTS_AT_ONCE]
            encodings = self._tokenizer.encode_batch(some, add_special_tokens=False)
            for encoding, bounds in zip(encodings, words[begin : begin + TEXTS_AT_ONCE], strict=True):
                own = np.array(encoding.ids[:max_pieces], np.int32)
                start, stop = align(np.array(encoding.offsets, np.int64).reshape(-1, 2), bounds)
                ids.append(own)
                counts.append(len(own))
                wholes.append(len(encoding.ids))
                starts.append(np.minimum(start, len(own)))
                stops.append(np.minimum(stop, len(own)))
        return Pieces(
            ids=_concatenate(ids),
            count=np.array(counts, np.int64),
            whole_count=np.array(wholes, np.int64),
            start=_concatenate(starts),
            stop=_concatenate(stops),
            word_count=np.array([len(bounds) for bounds in words], np.int64),
        )

    def _padding_id(self) -> int:
        ids = (self._tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>"))
        return next((i for i in ids if i is not None), 0)


def align(pieces: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of pieces that each word overlaps: of a word the first piece (n,), and the one after its last (n,).

    A piece may lie in several words. Where a word has no piece, both ends of its range are the same.

    Args:
        pieces: the bounds (u,2) of pieces in code points, ascending.
        words: the bounds (n,2) of words, ascending.
    """
    # an empty piece, of a character that the tokenizer added, belongs to no word; the running maximum keeps the order
    end = np.maximum.accumulate(pieces[:, 1]) if len(pieces) else pieces[:, 1]
    start = np.searchsorted(end, words[:, 0], side="right")
    stop = np.searchsorted(pieces[:, 0], words[:, 1], side="left")
    return start, np.maximum(start, stop)


def join_words(part: FeaturePart, prefix: str = "") -> tuple[list[str], list[np.ndarray]]:
    """Return the text of each document of a part as its words spell it, and the bounds of the words in it.

    Words stand side by side where they do in the raw text, and a blank apart otherwise.

    Args:
        part: features; `start` and `end` of words are offsets into the raw text.
        prefix: a text that is put before each document.
    """
    spelling: list[str] = part.types["text"].to_list()
    texts, bounds = [], []
    columns = part.documents.select("word", "start", "end")
    for word, start, end in zip(*(_arrays(columns[name]) for name in columns.columns), strict=True):
        has_blank = np.concatenate([[False], start[1:] > end[:-1]]) if len(start) else np.zeros(0, bool)
        own = [spelling[i] for i in word]
        texts.append(
            prefix + "".join(f" {w}" if blank else w for w, blank in zip(own, has_blank, strict=True))
        )
        length = np.array([len(w) for w in own], np.int64)
        stop = len(prefix) + np.cumsum(length + has_blank)
        bounds.append(np.column_stack([stop - length, stop]))
    return texts, bounds


def _arrays(lists: pl.Series) -> list[np.ndarray]:
    values = flatten(lists).to_numpy()
    return [values[first:last] for first, last in pairwise(offsets(lengths(lists)).tolist())]


def _concatenate(arrays: list[Any]) -> np.ndarray:
    return np.concatenate(arrays).astype(np.int32) if arrays else np.zeros(0, np.int32)
