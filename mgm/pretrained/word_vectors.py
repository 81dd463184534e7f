"""Word vectors by a pretrained encoder: of each word of mgm's own vocabulary alone, reduced to the network's width.

With few labels they say which words mean the same. The network reads no encoder afterwards, and stays as fast as it is.

Axes: V words, D width of the encoder.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from tqdm import tqdm

from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.folder import find_encoder
from mgm.pretrained.pieces import Pieces
from mgm.settings.model import PretrainedSettings
from mgm.text.vectors.table import VectorTable

READING = PretrainedSettings(max_pieces=32, window_pieces=40)
"""How the encoder reads a word: no longer one is worth more pieces."""


def read_encoder_vectors(parent: Path, words: Sequence[str], *, name: str | None, width: int) -> VectorTable:
    """Return the vectors (V+1, width) of words by an encoder, on a GPU where there is one.

    Args:
        parent: the folder of all encoders.
        words: the vocabulary, in the order of its ids from 1.
        name: the name of the encoder's folder.
        width: the width of the network's words.

    Raises:
        MissingExtra: the package that reads encoders is not installed.
        FileNotFoundError: there is no such folder, or it lacks a file.
        ValueError: no folder is named, the encoder cannot be read, or it can spell fewer than two words.
    """
    if name is None:
        raise ValueError(
            f"text.vectors.source is encoder, but text.vectors.encoder is null; name a folder in {parent}"
        )
    folder = find_encoder(parent, name, setting="text.vectors.encoder")
    encoder = PretrainedEncoder.load(folder, READING)
    encoder.to("cuda" if torch.cuda.is_available() else "cpu")
    with tqdm(
        total=len(words), desc="encoding words", unit=" words", delay=5, disable=None, leave=False
    ) as bar:
        return encode_vocabulary(encoder, words, width=width, on_done=bar.update)


def encode_vocabulary(
    encoder: PretrainedEncoder,
    words: Sequence[str],
    *,
    width: int,
    on_done: Callable[[int], object] | None = None,
) -> VectorTable:
    """Return vectors (V+1, width) of words: the mean of the encoder's vectors of their pieces, reduced by PCA.

    A word that the encoder cannot spell has none, as row 0 has none. If the encoder is narrower than the network, the other
    columns are 0. Memory: V * D numbers.

    Args:
        encoder: the encoder.
        words: the vocabulary, in the order of its ids from 1.
        width: the width of the network's words.
        on_done: called after each group of words with their number.

    Raises:
        ValueError: the encoder can spell fewer than two words.
    """
    prefix = encoder.settings.prefix
    bounds = [np.array([[len(prefix), len(prefix) + len(word)]], np.int64) for word in words]
    pieces = encoder.tokenizer.split([prefix + word for word in words], bounds, max_pieces=encoder.max_pieces)
    _, vectors = encoder.encode(pieces, with_words=True, on_done=on_done)
    assert vectors is not None
    known = np.flatnonzero(_is_spelled(encoder, pieces))
    if len(known) < 2:
        raise ValueError(
            f"text.vectors.source is encoder, but the encoder can spell {len(known)} of {len(words):,} words; "
            "use an encoder of the corpora's languages, or set it to none"
        )
    kept = min(width, encoder.width, len(known))
    reduced = PCA(kept, svd_solver="covariance_eigh").fit_transform(vectors[known].astype(np.float32))
    table = np.zeros((len(words) + 1, width), np.float32)
    table[1 + known, :kept] = reduced
    return table


def _is_spelled(encoder: PretrainedEncoder, pieces: Pieces) -> np.ndarray:
    """Return which words (V,) have more pieces that the tokenizer knows than such that stand for unknown characters."""
    model = json.loads(encoder.files.tokenizer)["model"]
    token = model.get("unk_token")
    known = model.get("unk_id") if token is None else model["vocab"].get(token)
    unknown = -1 if known is None else known  # where bytes spell every character
    word = np.repeat(np.arange(len(pieces.count)), pieces.count)
    place = np.arange(len(word)) - np.repeat(np.cumsum(pieces.count) - pieces.count, pieces.count)
    is_of_word = (place >= pieces.start[word]) & (place < pieces.stop[word])  # and not of the prefix
    num_unknown = np.bincount(word[is_of_word & (pieces.ids == unknown)], minlength=len(pieces.count))
    return 2 * num_unknown < pieces.stop - pieces.start
