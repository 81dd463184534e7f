"""Training of word vectors."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mgm.settings.text import FeatureSettings, VectorSettings
from mgm.text.features import FeaturePart, featurize
from mgm.text.vectors.table import has_vector
from mgm.text.vectors.training import _Sentences, train_vectors
from mgm.text.vocabulary import Vocabulary, count_words

FEATURES = FeatureSettings(min_count=1, ngram_buckets=100)


TRAIN = VectorSettings(source="train", epochs=2)


def parts_of(*rows: tuple[str, list[list[str]]], min_count: int = 1) -> tuple[list[FeaturePart], Vocabulary]:
    """A part of features of documents (split, sentences), and the vocabulary of their training rows."""
    tokens = pl.DataFrame(
        {
            "split": [split for split, _ in rows],
            "words": [[word for sentence in sentences for word in sentence] for _, sentences in rows],
            "sentence": [[len(sentence) for sentence in sentences] for _, sentences in rows],
        },
        schema_overrides={"words": pl.List(pl.String), "sentence": pl.List(pl.Int32)},
    )
    vocabulary = Vocabulary.from_counts(
        count_words([tokens]), FEATURES.model_copy(update={"min_count": min_count})
    )
    return [featurize(tokens, vocabulary, settings=FEATURES)], vocabulary


SOUP = ("train", [["Stir", "the", "汤"], ["serve", "it"]])


CAKE = ("train", [["Bake", "the", "cake", "."], ["Done"]])


PLANTED = ("test", [["bake", "planted", "cake"], ["bake", "soup"]])


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
def test_words_of_training_get_a_vector(algorithm: str) -> None:
    """Unknown words get none."""
    parts, vocabulary = parts_of(SOUP, CAKE, PLANTED)
    settings = TRAIN.model_copy(update={"algorithm": algorithm})
    table = train_vectors(parts, vocabulary, settings=settings, features=FEATURES, width=8, seed=1)
    assert table.dtype == np.float32
    assert table.shape == (len(vocabulary) + 1, 8)
    assert has_vector(table).tolist() == [False] + [True] * len(vocabulary)


def test_vectors_are_trained_on_training_rows_only() -> None:
    parts, vocabulary = parts_of(SOUP, CAKE)
    with_test = [featurize(_tokens(rows), vocabulary, settings=FEATURES) for rows in ((SOUP, CAKE, PLANTED),)]
    assert "planted" not in vocabulary.table["word"]
    table = train_vectors(parts, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=1)
    assert np.array_equal(
        table, train_vectors(with_test, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=1)
    )
    assert not np.array_equal(
        table, train_vectors(parts, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=2)
    )


def _tokens(rows: tuple[tuple[str, list[list[str]]], ...]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "split": [split for split, _ in rows],
            "words": [[word for sentence in sentences for word in sentence] for _, sentences in rows],
            "sentence": [[len(sentence) for sentence in sentences] for _, sentences in rows],
        }
    )


def test_sentences_have_only_known_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sentences of a single known word are left out."""
    rare = ("train", [["the", "rare", "cake"], ["rare", "the"], ["odd", "odder"]])
    parts, vocabulary = parts_of(("train", [["the", "Cake"], ["the"]]), rare, (*rare[:1], []), min_count=2)
    assert vocabulary.table["word"].to_list() == ["the", "cake", "rare"]
    expected = [["the", "cake"], ["the", "rare", "cake"], ["rare", "the"]]
    for at_once in (100, 3, 1):
        monkeypatch.setattr("mgm.text.vectors.training.CHUNK_WORDS", at_once)
        sentences = _Sentences(parts, vocabulary, "test", epochs=2)
        assert sentences.count == 3
        assert [list(sentences), list(sentences)] == [expected, expected]


def test_nothing_to_learn_from_is_an_error() -> None:
    parts, vocabulary = parts_of(("train", [["alone"]]), ("test", [["two", "words"]]))
    with pytest.raises(ValueError, match="no sentence of split train has two words of the vocabulary"):
        train_vectors(parts, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=1)


_PRINT_HASHES = """
import hashlib, sys
from pathlib import Path
from mgm.settings.text import FeatureSettings, VectorSettings
from mgm.text.features import FeaturePart
from mgm.text.vectors.training import train_vectors
from mgm.text.vocabulary import Vocabulary
folder = Path(sys.argv[1])
vocabulary = Vocabulary.load(folder / "vocabulary.parquet")
for algorithm in ("word2vec", "fasttext"):
    settings = VectorSettings(source="train", algorithm=algorithm)
    parts = [FeaturePart.load(folder, 0)]
    features = FeatureSettings(ngram_buckets=100)
    table = train_vectors(parts, vocabulary, settings=settings, features=features, width=16, seed=1)
    print(hashlib.sha256(table.tobytes()).hexdigest())
"""


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    """The other process hashes strings in another way than this one, and orders its sets by that."""
    parts, vocabulary = parts_of(*[SOUP, CAKE] * 50)
    parts[0].save(tmp_path, 0)
    vocabulary.save(tmp_path / "vocabulary.parquet")
    own = str(os.environ.get("PYTHONHASHSEED"))
    command = [sys.executable, "-c", _PRINT_HASHES, str(tmp_path)]
    env = os.environ | {"PYTHONHASHSEED": "2" if own == "1" else "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    here = [
        train_vectors(
            [FeaturePart.load(tmp_path, 0)],
            Vocabulary.load(tmp_path / "vocabulary.parquet"),
            settings=VectorSettings(source="train", algorithm=algorithm),
            features=FeatureSettings(ngram_buckets=100),
            width=16,
            seed=1,
        )
        for algorithm in ("word2vec", "fasttext")
    ]
    hashes = [hashlib.sha256(table.tobytes()).hexdigest() for table in here]
    assert done.stdout.split() == hashes
    assert len(set(hashes)) == 2
