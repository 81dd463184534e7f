"""Shards that threads score side by side come to what one after another comes to."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm.scoring.isolation import ModelBroken, ScoredRows
from mgm.scoring.night import score_here
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.scoring import ScoreSettings
from tests import tiny

ROWS = 5


class Failing(Scorer):
    """Fails for every document."""

    def score(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        raise RuntimeError("index out of range")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved_bundle(tmp_path_factory.mktemp("models"))


def frames(read: list[int]) -> Iterator[tuple[Shard, pl.DataFrame]]:
    """Shards of menus; `read` says which were asked for."""
    for index, frame in enumerate(tiny.menus().iter_slices(ROWS)):
        read.append(index)
        yield Shard(index, frame.height, "", ()), frame


def scored(scorer: Scorer, threads: int) -> dict[int, ScoredRows]:
    settings = ScoreSettings(rows_per_batch=2, threads=threads)
    return {shard.index: rows for shard, rows in score_here(scorer, None, settings)(frames([]))}


def test_threads_come_to_the_same_tables_in_the_same_order(folder: Path) -> None:
    alone, beside = (scored(Scorer.load(folder), threads) for threads in (1, 3))
    assert list(alone) == list(beside) == list(range(6))
    for index, rows in alone.items():
        assert_frame_equal(beside[index].predictions, rows.predictions)
        assert_frame_equal(beside[index].rejects, rows.rejects)


def test_a_shard_comes_to_the_same_whatever_was_scored_before_it(folder: Path) -> None:
    scorer = Scorer.load(folder)
    settings = ScoreSettings(rows_per_batch=2)
    last = list(frames([]))[-1]
    other = pl.DataFrame({"doc_id": ["x"], "text": ["Zebras quarrel about umbrellas."]})
    first = Shard(0, 1, "", ()), other
    ((_, alone),) = score_here(scorer, None, settings)(iter([last]))
    words = scorer.known.keys.clone()
    *_, (_, after) = score_here(scorer, None, settings)(iter([first, last]))
    assert after.predictions.equals(alone.predictions)
    assert scorer.known.keys.equal(words)  # those of the first shard are forgotten


def test_no_more_than_one_shard_is_read_ahead(folder: Path) -> None:
    read: list[int] = []
    found = score_here(Scorer.load(folder), None, ScoreSettings(threads=2))(frames(read))
    next(found)
    found.close()
    assert read == [0, 1, 2]


def test_a_broken_model_stops_the_night(folder: Path) -> None:
    with pytest.raises(ModelBroken, match="index out of range"):
        scored(Failing.load(folder), 2)
