"""Counts of words that a shuffle adds up: those of one pass over all parts."""

import polars as pl
import pytest

from mgm.compute.executor import Emitted
from mgm.compute.processes import THIS_PROCESS
from mgm.text.shuffled_words import NUM_DIVISIONS, ShuffledWordCounts, divide_counts
from mgm.text.vocabulary import count_words

ROWS = [{"split": "train", "words": [f"w{i % 7}", f"x{i}", "the", "北京"]} for i in range(30)]
PARTS = [pl.DataFrame(ROWS[:13]), pl.DataFrame(ROWS[:1]).clear(), pl.DataFrame(ROWS[13:])]


@pytest.mark.parametrize(
    "parts", [PARTS, [pl.DataFrame(ROWS)], PARTS[1:2]], ids=["several", "one", "no word"]
)
def test_counts_are_those_of_all_parts(parts: list[pl.DataFrame]) -> None:
    """Also the order of words with one count, which are in several divisions."""
    whole = count_words(parts)
    with ShuffledWordCounts.of_parts(len(parts), THIS_PROCESS) as counts:
        assert counts.num_divisions == (NUM_DIVISIONS if len(parts) > 1 else 1)
        emitted = counts.shuffle.emit(
            lambda part: Emitted(part.height, divide_counts(count_words([part]), counts.num_divisions)),
            [(part,) for part in parts],
            columns=counts.columns,
        )
        assert list(emitted) == [part.height for part in parts]
        assert counts.most_frequent().equals(whole.most_frequent())
        assert counts.most_frequent(2, max_words=5).equals(whole.most_frequent(2, max_words=5))
