"""The vocabulary: counted on train alone, in one order, looked up in any case."""

from pathlib import Path

import polars as pl
import pytest

from mgm.settings.text import FeatureSettings
from mgm.text.vocabulary import Vocabulary, count_words, frequency_bucket

PARTS = [
    pl.DataFrame({"split": ["train", "test"], "words": [["The", "the", "cat"], ["planted", "the"]]}),
    pl.DataFrame({"split": ["valid", "train"], "words": [["planted"], ["cat", "ant", "北京"]]}),
]


def vocabulary(**settings: int) -> Vocabulary:
    return Vocabulary.from_counts(
        count_words(PARTS), FeatureSettings.model_validate({"min_count": 1, **settings})
    )


def test_words_are_sorted_by_their_counts_in_train() -> None:
    """Ties are in alphabetical order."""
    table = vocabulary().table
    assert table.select("word", "count").rows() == [("cat", 2), ("the", 2), ("ant", 1), ("北京", 1)]
    assert "planted" not in table["word"]


def test_counts_do_not_depend_on_the_cut_into_parts() -> None:
    rows = [{"split": "train", "words": [f"w{i % 7}", f"x{i}", "the"]} for i in range(50)]
    whole = count_words([pl.DataFrame(rows)]).most_frequent()
    parts = [pl.DataFrame(rows[i : i + 3]) for i in range(0, 50, 3)]
    assert count_words(parts).most_frequent().equals(whole)
    assert whole.sort("count", "word", descending=[True, False]).equals(whole)
    assert dict(whole.iter_rows())["the"] == 50
    assert count_words([]).num_words() == 0


def test_vocabulary_of_words_that_were_spilled_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"split": "train", "words": [f"w{i % 7}", f"x{i}", "the"]} for i in range(50)]
    parts = [pl.DataFrame(rows[i : i + 3]) for i in range(0, 50, 3)]
    settings = FeatureSettings.model_validate({"min_count": 2, "max_words": 5})
    in_memory = Vocabulary.from_counts(count_words(parts), settings).table
    monkeypatch.setattr("mgm.corpus.sums_by_key.MAX_KEYS", 4)
    counts = count_words(parts)
    assert Vocabulary.from_counts(counts, settings).table.equals(in_memory)
    assert in_memory["word"].to_list() == ["the", "w0", "w1", "w2", "w3"] and counts.num_words() == 58


def test_words_with_one_key_count_together() -> None:
    parts = [pl.DataFrame({"split": ["train"], "words": [["Walks", "walked", "WALK", "北京"]]})]
    assert count_words(parts, stem=True).most_frequent().rows() == [("walk", 3), ("北京", 1)]


def test_limits() -> None:
    assert vocabulary(min_count=2).table["word"].to_list() == ["cat", "the"]
    assert vocabulary(max_words=1).table["word"].to_list() == ["cat"]


def test_ids_are_row_plus_one_and_zero_for_unknown() -> None:
    ids = vocabulary().look_up(pl.Series(["CAT", "planted", "北京", "The"]))
    assert ids["id"].to_list() == [1, 0, 4, 2] and ids["bucket"].to_list() == [2, 0, 1, 2]


def test_buckets_are_powers_of_two() -> None:
    assert frequency_bucket(pl.Series([0, 1, 2, 3, 4, 8, 2**29, 2**40])).to_list() == [
        0,
        1,
        2,
        2,
        3,
        4,
        30,
        31,
    ]


def test_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.parquet"
    vocabulary().save(path)
    first = path.read_bytes()
    vocabulary().save(path)
    assert path.read_bytes() == first and Vocabulary.load(path).table.equals(vocabulary().table)
    with pytest.raises(FileNotFoundError, match="no such vocabulary"):
        Vocabulary.load(tmp_path / "absent.parquet")
    pl.DataFrame({"x": [1]}).write_parquet(path)
    with pytest.raises(ValueError, match="expected the columns"):
        Vocabulary.load(path)
