import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.settings.text import FeatureSettings, VectorSettings
from mgm.text.features import FeaturePart, featurize
from mgm.text.vectors import files
from mgm.text.vectors.files import read_vectors
from mgm.text.vectors.table import describe_vectors, has_vector, load_vectors, save_vectors
from mgm.text.vectors.training import _Sentences, train_vectors
from mgm.text.vocabulary import Vocabulary, count_words

FEATURES = FeatureSettings(min_count=1, ngram_buckets=100)
TRAIN = VectorSettings(source="train", epochs=2)


def vocabulary_of(*words: str) -> Vocabulary:
    """Words with the ids 1, 2, ..."""
    return Vocabulary(
        pl.DataFrame({"word": words, "count": range(len(words), 0, -1), "bucket": 1}).cast(
            {"bucket": pl.Int8}
        )
    )


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
def test_every_word_of_training_gets_a_vector_and_unknown_words_none(algorithm: str) -> None:
    parts, vocabulary = parts_of(SOUP, CAKE, PLANTED)
    chosen = TRAIN.model_copy(update={"algorithm": algorithm})
    table = train_vectors(parts, vocabulary, settings=chosen, features=FEATURES, width=8, seed=1)
    assert table.dtype == np.float32
    assert table.shape == (len(vocabulary) + 1, 8)
    assert has_vector(table).tolist() == [False] + [True] * len(vocabulary)


def test_only_training_rows_teach() -> None:
    parts, vocabulary = parts_of(SOUP, CAKE)
    with_test = [featurize(_tokens(rows), vocabulary, settings=FEATURES) for rows in ((SOUP, CAKE, PLANTED),)]
    assert "planted" not in vocabulary.table["word"]
    taught = train_vectors(parts, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=1)
    assert np.array_equal(
        taught, train_vectors(with_test, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=1)
    )
    assert not np.array_equal(
        taught, train_vectors(parts, vocabulary, settings=TRAIN, features=FEATURES, width=8, seed=2)
    )


def _tokens(rows: tuple[tuple[str, list[list[str]]], ...]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "split": [split for split, _ in rows],
            "words": [[word for sentence in sentences for word in sentence] for _, sentences in rows],
            "sentence": [[len(sentence) for sentence in sentences] for _, sentences in rows],
        }
    )


def test_sentences_are_those_of_the_documents_without_unknown_and_lonely_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    parts, vocabulary = parts_of(*[SOUP, CAKE] * 50)
    parts[0].save(tmp_path, 0)
    vocabulary.save(tmp_path / "vocabulary.parquet")
    outputs = []
    for seed in ("1", "2"):
        command = [sys.executable, "-c", _PRINT_HASHES, str(tmp_path)]
        env = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        outputs.append(done.stdout.split())
    assert outputs[0] == outputs[1]
    assert len(set(outputs[0])) == 2


WORDS = vocabulary_of("the", "soup", "汤")
FOUND = np.array([[0, 0], [1, 2], [0, 0], [-3, 4.5]], np.float32)


@pytest.mark.parametrize(
    "text",
    [
        "4 2\nThe 1 2\nthe 9 9\nother 5 6\n汤 -3 4.5e0\n",
        "The 1 2\nthe 9 9\nother 5 6\n汤 -3 4.5",
        "the\t1 2 \r\n. . . 7 8\r\n汤 -3 +4.5 \r\n",
    ],
)
def test_text_files_are_read_with_and_without_a_header(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.vec").write_bytes(text.encode())
    assert np.array_equal(read_vectors(tmp_path, "v.vec", vocabulary=WORDS, width=2), FOUND)


def test_an_array_beside_its_words_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([[1, 2], [9, 9], [5, 6], [-3, 4.5]]))
    (tmp_path / "v.txt").write_text("The\nthe\nother\n汤\n", encoding="utf-8")
    assert np.array_equal(read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=2), FOUND)


def test_words_are_looked_up_by_their_stems_where_the_vocabulary_has_stems(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("relating 1\nrelated 2\n", encoding="utf-8")
    assert read_vectors(
        tmp_path, "v.txt", vocabulary=vocabulary_of("relat"), width=1, stem=True
    ).tolist() == [[0], [1]]


VALUE = st.floats(-1e6, 1e6, width=32)


@given(
    st.lists(st.tuples(st.sampled_from(["the", "The", "soup", "汤", "x"]), VALUE, VALUE), min_size=1),
    st.data(),
)
def test_blocks_of_any_size_give_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float, float]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    (folder / "v.txt").write_text("".join(f"{w} {a!r} {b!r}\n" for w, a, b in rows), encoding="utf-8")
    expected = np.zeros((4, 2), np.float32)
    for word, a, b in reversed(rows):
        if word != "x":
            expected[["the", "soup", "汤"].index(word.lower()) + 1] = [a, b]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK_BYTES", data.draw(st.integers(1, 100)))
        assert np.array_equal(read_vectors(folder, "v.txt", vocabulary=WORDS, width=2), expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the 1 2 3\n", r"v\.vec: vectors of 3 dimensions, but model\.width is 2; set model\.width to 3"),
        ("1 3\nthe 1 2 3\n", "vectors of 3 dimensions"),
        ("other 1 2\nthe 1\n", r"v\.vec: line 2: found 1 numbers in 'the 1', expected a word and 2 numbers"),
        ("2 2\nother 1 2\nthe 1 2 3\n", "line 3: found 3 numbers in 'the 1 2 3'"),
        ("the 1 2\n\nsoup 1 2\n", "line 2: found an empty line, expected a word and 2 numbers"),
        ("other 1 2\nthe 1 two\n", "line 2: found 'two', expected a word and 2 numbers"),
        ("the 1 nan\n", "line 1: found 'nan'"),
        ("the 1 inf\n", "line 1: found 'inf'"),
        ("3 2\nthe 1 2\n", "line 1 announces 3 words, found 1; the file is not whole"),
        ("", "holds no vectors"),
        ("0 2\n", "holds no vectors"),
    ],
)
def test_a_bad_text_file_is_named_with_line_and_value(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "v.vec").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_vectors(tmp_path, "v.vec", vocabulary=WORDS, width=2)


def test_a_bad_array_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((2, 2)))
    with pytest.raises(
        FileNotFoundError, match=r"v\.txt: no such file; expected the words of v\.npy, one a line"
    ):
        read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=2)
    (tmp_path / "v.txt").write_text("the\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"v\.txt: 1 lines, but v\.npy has 2 rows"):
        read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=2)
    with pytest.raises(ValueError, match=r"vectors of 2 dimensions, but model\.width is 4"):
        read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=4)
    np.save(tmp_path / "v.npy", np.array([[1, 2], [1, np.nan]]))
    (tmp_path / "v.txt").write_text("the\nsoup\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"row 1 \('soup'\): expected finite numbers"):
        read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=2)
    np.save(tmp_path / "v.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"found float64 of shape \(3,\), expected numbers, a row a word"):
        read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=2)
    (tmp_path / "v.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"v\.npy: not an array of numbers"):
        read_vectors(tmp_path, "v.npy", vocabulary=WORDS, width=2)


def test_a_file_that_is_not_named_or_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wiki.vec").touch()
    with pytest.raises(ValueError, match=r"text\.vectors\.file is null; name a file in"):
        read_vectors(tmp_path, None, vocabulary=WORDS, width=2)
    with pytest.raises(FileNotFoundError, match=r"wikki\.vec: no such file \(did you mean 'wiki\.vec'\?\)"):
        read_vectors(tmp_path, "wikki.vec", vocabulary=WORDS, width=2)
    with pytest.raises(ValueError, match=r"'wiki\.bin' ends in none of \.vec, \.txt, \.npy"):
        read_vectors(tmp_path, "wiki.bin", vocabulary=WORDS, width=2)


def test_a_table_is_saved_with_where_it_comes_from(tmp_path: Path) -> None:
    facts = describe_vectors(FOUND, source="file", algorithm=None, vocabulary_sha256="c0ffee")
    assert (facts["words"], facts["coverage"], facts["dimensions"]) == (2, 0.666667, 2)
    save_vectors(tmp_path, FOUND, metadata=facts)
    loaded = load_vectors(tmp_path, "c0ffee")
    assert loaded is not None
    assert np.array_equal(loaded, FOUND)
    with pytest.raises(ValueError, match=r"not made from the present vocabulary"):
        load_vectors(tmp_path, "another")
    save_vectors(
        tmp_path / "none",
        None,
        metadata=describe_vectors(None, source="none", algorithm=None, vocabulary_sha256="c0ffee"),
    )
    assert [path.name for path in (tmp_path / "none").iterdir()] == ["vectors.json"]
    assert load_vectors(tmp_path / "none", "c0ffee") is None
    with pytest.raises(FileNotFoundError, match=r"vectors\.json: no such file"):
        load_vectors(tmp_path / "absent", "c0ffee")
