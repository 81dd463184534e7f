"""Word vectors by an encoder: a tiny BERT, English and Chinese words."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mgm.errors import MissingExtra
from mgm.pretrained.encoder import PretrainedEncoder
from mgm.pretrained.word_vectors import encode_vocabulary, read_encoder_vectors
from mgm.settings.model import PretrainedSettings
from tests.tiny_encoder import WIDTH

READING = PretrainedSettings(window_pieces=32)
WORDS = ["cat", "cats", "好", "电影", "ελ", "☃☃", "walk"]
"""Words that the encoder can spell, but for two."""
SPELLED = [0, 1, 2, 3, 6]


@pytest.fixture(scope="module")
def encoder(encoder_folder: Path) -> PretrainedEncoder:
    return PretrainedEncoder.load(encoder_folder, READING)


def test_distances_are_those_of_the_encoder(encoder: PretrainedEncoder) -> None:
    """PCA only turns the vectors where no column is left out; a word that cannot be spelled has none."""
    table = encode_vocabulary(encoder, WORDS, width=20)
    assert table.shape == (8, 20) and table.dtype == np.float32
    assert (np.flatnonzero(table.any(1)) - 1).tolist() == SPELLED
    pieces = encoder.tokenizer.split(["cat", "电影"], [np.array([[0, 3]]), np.array([[0, 2]])], max_pieces=9)
    _, (cat, film) = encoder.encode(pieces, with_words=True)
    expected = np.linalg.norm(cat.astype(np.float32) - film.astype(np.float32))
    assert np.linalg.norm(table[1] - table[4]) == pytest.approx(expected, rel=1e-2)
    assert not table[:, min(WIDTH, len(SPELLED)) :].any()


def test_a_prefix_is_read_and_is_no_part_of_a_word(encoder_folder: Path, encoder: PretrainedEncoder) -> None:
    prefixed = PretrainedEncoder.load(encoder_folder, READING.model_copy(update={"prefix": "the film "}))
    plain, other = (encode_vocabulary(e, WORDS, width=4) for e in (encoder, prefixed))
    assert (other.any(1) == plain.any(1)).all()
    assert np.abs(np.abs(other) - np.abs(plain)).max() > 0.01


def test_an_encoder_of_other_languages_is_refused(encoder: PretrainedEncoder) -> None:
    with pytest.raises(
        ValueError, match="the encoder can spell 1 of 2 words; use an encoder of the corpora's languages"
    ):
        encode_vocabulary(encoder, ["ελ", "cat"], width=4)


def test_the_folder_is_named_by_its_setting(encoder_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, name = encoder_folder.parent, encoder_folder.name
    table = read_encoder_vectors(parent, WORDS, name=name, width=3)
    assert (np.flatnonzero(table.any(1)) - 1).tolist() == SPELLED
    with pytest.raises(ValueError, match=r"text.vectors.encoder is null; name a folder in"):
        read_encoder_vectors(parent, WORDS, name=None, width=3)
    with pytest.raises(FileNotFoundError, match=f"text.vectors.encoder: .*{name}s: no such folder.*{name}'"):
        read_encoder_vectors(parent, WORDS, name=f"{name}s", width=3)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match="transformers, which is not installed"):
        read_encoder_vectors(parent, WORDS, name=name, width=3)
