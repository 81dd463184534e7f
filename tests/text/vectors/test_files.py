"""Word vectors from files."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgm.text.vectors import files
from mgm.text.vectors.files import read_vectors
from mgm.text.vocabulary import Vocabulary


def vocabulary_of(*words: str) -> Vocabulary:
    """Words with the ids 1, 2, ..."""
    return Vocabulary(
        pl.DataFrame({"word": words, "count": range(len(words), 0, -1), "bucket": 1}).cast(
            {"bucket": pl.Int8}
        )
    )


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


def test_words_are_stemmed_for_a_vocabulary_of_stems(tmp_path: Path) -> None:
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
    ("text", "message"),
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
def test_a_bad_text_file_is_named_with_line_and_value(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.vec").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
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
