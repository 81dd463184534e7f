"""The rows that are committed are those that were scored, whatever happens to the staged files in between."""

import json
import logging
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mgm.corpus.parts import REJECTS
from mgm.scoring.commits import Night, read_nights
from mgm.scoring.delta import open_table
from mgm.scoring.inputs import Inputs
from mgm.scoring.isolation import ScoredRows
from mgm.scoring.local import ScoredShards, ShardFrames
from mgm.scoring.night import NightPlan, Tables, score_night
from mgm.scoring.shards import cut_shards
from mgm.scoring.staging import Staging, read_predictions

DAY = date(2026, 1, 1)
ROWS = 20
SCHEMA = pl.Schema({"doc_id": pl.String(), "mood": pl.String(), "mood_score": pl.Float32()})
SHARDS = Path("shards")

Alter = Callable[[Path], object]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [f"text 文 {i}" for i in range(ROWS)]
    pl.DataFrame({"doc_id": [f"d{i}" for i in range(ROWS)], "text": texts}).write_ndjson("in.jsonl")


def plan() -> NightPlan:
    inputs = Inputs("in.jsonl")
    shards = cut_shards(inputs, 8)
    return NightPlan(
        night=Night(
            date=DAY.isoformat(),
            revision=1,
            input_sha256=shards.sha256,
            bundle="model",
            code="abc",
            dvc_lock="",
            flow_run="",
            tasks=["mood"],
            as_corpus=None,
            accepted_drift=False,
            warnings=[],
        ),
        inputs=inputs,
        shards=shards,
        staging=Staging(SHARDS, schema=SCHEMA, scored_by={"bundle": "model"}),
        tables=Tables(predictions="predictions", rejects="rejects"),
    )


class LengthScorer:
    """Scores by the length of the text, and calls `alter` with a shard's folder when all shards are staged.

    Args:
        times: how often it alters something; negative: each time.
    """

    def __init__(self, alter: Alter | None = None, times: int = 1) -> None:
        self.alter, self.times = alter, times
        self.scored: list[int] = []

    def __call__(self, frames: ShardFrames) -> ScoredShards:
        for shard, frame in frames:
            self.scored.append(shard.index)
            predictions = frame.select(
                "doc_id", mood=pl.lit("good"), mood_score=pl.col("text").str.len_chars().cast(pl.Float32)
            )
            yield shard, ScoredRows(predictions=predictions, rejects=REJECTS.to_frame(), broken=[])
        if self.alter is not None and self.times:
            self.times -= 1
            self.alter(staged_folder())


def staged_folder() -> Path:
    """Return the folder of the first shard."""
    (path,) = [p.parents[1] for p in SHARDS.glob("*/predictions/*") if "d0" in pl.read_parquet(p)["doc_id"]]
    return path


def predictions_of(shard: Path) -> Path:
    return shard / "predictions" / "part-00000.parquet"


def halve(shard: Path) -> None:
    path = predictions_of(shard)
    pl.read_parquet(path).head(4).write_parquet(path)


def alter_values(shard: Path) -> None:
    path = predictions_of(shard)
    pl.read_parquet(path).with_columns(mood=pl.lit("evil")).write_parquet(path)


def add_reject(shard: Path) -> None:
    path = shard / "rejects" / "part-00000.parquet"
    row = {"doc_id": ["d0"], "stage": ["clean"], "reasons": [["text_too_short"]], "values": ["{}"]}
    pl.DataFrame(row, schema=REJECTS).write_parquet(path)


def delete_file(shard: Path) -> None:
    predictions_of(shard).unlink()


def alter_counts(shard: Path) -> None:
    path = shard / "done.json"
    done = json.loads(path.read_text())
    done["counts"] |= {"rows_out": 4, "rejected": 4}
    path.write_text(json.dumps(done))


def swap_shards(shard: Path) -> None:
    """Put another shard, which is whole, in the place of this one."""
    other = next(path for path in SHARDS.iterdir() if path != shard)
    shutil.rmtree(shard)
    shutil.copytree(other, shard)


FAULTS: list[tuple[Alter, str]] = [
    (
        halve,
        r"part-00000.parquet: altered since it was written: 4 rows, SHA-256 \w{12}; expected 8 rows, SHA-256",
    ),
    (
        alter_values,
        r"part-00000.parquet: altered since it was written: 8 rows, SHA-256 \w{12}; expected 8 rows",
    ),
    (add_reject, r"rejects/part-00000.parquet: altered since it was written: 1 rows, .*; expected 0 rows"),
    (delete_file, r"part-00000.parquet: gone; expected 8 rows"),
    (shutil.rmtree, r"part-00000.parquet: gone; expected 0 rows"),
    (swap_shards, r"part-00000.parquet: altered since it was written: [48] rows"),
]
NAMES = ["first half", "other values", "another reject", "file deleted", "shard deleted", "another shard"]


def committed() -> pl.DataFrame:
    return pl.read_delta("predictions").sort("doc_id").drop("date")


@pytest.fixture
def expected() -> pl.DataFrame:
    ids = sorted(f"d{i}" for i in range(ROWS))
    lengths = [len(f"text 文 {doc_id[1:]}") for doc_id in ids]
    rows = {"doc_id": ids, "mood": ["good"] * ROWS, "mood_score": lengths}
    return pl.DataFrame(rows, schema=SCHEMA)


@pytest.mark.parametrize(("alter", "message"), FAULTS, ids=NAMES)
def test_shard_altered_before_the_commit_is_scored_again(
    alter: Alter, message: str, expected: pl.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = LengthScorer(alter)
    night = score_night(plan(), scorer)
    assert scorer.scored == [0, 1, 2, 0]
    assert (night.rows_in, night.predictions, night.rejected) == (ROWS, ROWS, 0)
    assert committed().equals(expected)
    assert len(read_nights(open_table("predictions"))) == 1
    (warning,) = [r for r in caplog.messages if r.endswith("the shard is scored again")]
    assert re.search(message, warning)


def test_shard_altered_each_time_stops_the_night() -> None:
    scorer = LengthScorer(halve, times=-1)
    with pytest.raises(
        OSError, match=r"part-00000.parquet: .*4 rows.*expected 8 rows.*: the shard was scored 3 times"
    ) as error:
        score_night(plan(), scorer)
    assert "\n" not in str(error.value)
    assert read_nights(open_table("predictions")) == []


@pytest.mark.parametrize(
    "alter",
    [*(alter for alter, _ in FAULTS), alter_counts],
    ids=[*NAMES, "other counts"],
)
def test_shard_altered_between_runs_is_scored_again(
    alter: Alter, expected: pl.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    """A run has ended before the commit; the next one finds its shards."""

    def stop(shard: Path) -> None:
        alter(shard)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_night(plan(), LengthScorer(stop))
    caplog.set_level(logging.WARNING)
    scorer = LengthScorer()
    assert score_night(plan(), scorer).predictions == ROWS
    assert scorer.scored == [0]
    assert committed().equals(expected)
    assert any("which is scored again" in m for m in caplog.messages) == (alter is not shutil.rmtree)


def test_staged_shards_are_found_and_read_by_columns() -> None:
    def stop(_: Path) -> None:
        raise KeyboardInterrupt

    night = plan()
    with pytest.raises(KeyboardInterrupt):
        score_night(night, LengthScorer(stop))
    frames: Any = list(read_predictions(night.staging.find_all(night.shards.shards), columns=["mood"]))
    assert [frame.shape for frame in frames] == [(8, 1), (8, 1), (4, 1)]
    shutil.rmtree(staged_folder())
    with pytest.raises(FileNotFoundError, match="shards: 1 shards are gone"):
        night.staging.find_all(night.shards.shards)
