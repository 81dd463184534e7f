"""Shards that threads score have the same results as shards scored one after another."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mgm.scoring.isolation import ModelBroken, ScoredRows
from mgm.scoring.local import ScoredShards, ShardFrames, score_in_process
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.scoring import ScoreSettings
from tests import tiny_corpora

ROWS = 5


class Failing(Scorer):
    """Fails for every document."""

    def score(self, frame: pl.DataFrame, corpus: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        raise RuntimeError("index out of range")


def frames(read: list[int]) -> Iterator[tuple[Shard, pl.DataFrame]]:
    """Yield shards of menus, and note in `read` which were read."""
    for index, frame in enumerate(tiny_corpora.menus().iter_slices(ROWS)):
        read.append(index)
        yield Shard(index, frame.height, "", ()), frame


def score(shards: ShardFrames, scorer: Scorer, settings: ScoreSettings) -> ScoredShards:
    return score_in_process(shards, scorer=scorer, as_corpus=None, settings=settings)


def scored(scorer: Scorer, threads: int) -> dict[int, ScoredRows]:
    settings = ScoreSettings(rows_per_batch=2, threads=threads)
    return {shard.index: rows for shard, rows in score(frames([]), scorer, settings)}


def test_threads_have_the_same_results_in_order(bundle: Path) -> None:
    alone, beside = (scored(Scorer.load(bundle), threads) for threads in (1, 3))
    assert list(alone) == list(beside) == list(range(6))
    for index, rows in alone.items():
        assert_frame_equal(beside[index].predictions, rows.predictions)
        assert_frame_equal(beside[index].rejects, rows.rejects)


def test_result_does_not_depend_on_earlier_shards(bundle: Path) -> None:
    scorer = Scorer.load(bundle)
    settings = ScoreSettings(rows_per_batch=2)
    last = list(frames([]))[-1]
    other = pl.DataFrame({"doc_id": ["x"], "text": ["Zebras quarrel about umbrellas."]})
    first = Shard(0, 1, "", ()), other
    ((_, alone),) = score(iter([last]), scorer, settings)
    words = scorer.word_states.token_cache.keys.clone()
    *_, (_, after) = score(iter([first, last]), scorer, settings)
    assert after.predictions.equals(alone.predictions)
    assert scorer.word_states.token_cache.keys.equal(words)  # those of the first shard are forgotten


def test_at_most_one_shard_is_read_ahead(bundle: Path) -> None:
    read: list[int] = []
    found = score(frames(read), Scorer.load(bundle), ScoreSettings(threads=2))
    next(found)
    found.close()
    assert read == [0, 1, 2]


def test_broken_model_is_raised(bundle: Path) -> None:
    with pytest.raises(ModelBroken, match="index out of range"):
        scored(Failing.load(bundle), 2)
