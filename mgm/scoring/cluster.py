"""Shards scored on a Ray cluster: the rows of a shard travel to a worker and its predictions back; nothing else is shared.

Every worker gets this process's code of mgm and the bundle's files, verifies them, and loads the model once. The results are
the same as in this process, which writes them, so that finished shards stay finished whichever process dies.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch

from mgm.bundle.contents import BundleContents, read_contents
from mgm.bundle.sealing import SealingKey
from mgm.compute.cluster import connect
from mgm.compute.workers import Job, WorkerPool
from mgm.scoring.answers import AnswerOptions
from mgm.scoring.isolation import ScoredRows, score_rows
from mgm.scoring.local import ScoredShards, ShardFrames
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.compute import RaySettings
from mgm.settings.scoring import ScoreSettings


@dataclass(frozen=True, kw_only=True)
class WorkerModel:
    """The files of a bundle, in memory, and the options of scoring with it."""

    contents: BundleContents
    public_key: bytes | None
    as_corpus: str | None
    settings: ScoreSettings

    @classmethod
    def read(
        cls, bundle: Path, *, public_key: Path | None, as_corpus: str | None, settings: ScoreSettings
    ) -> "WorkerModel":
        """Read all files of a bundle's folder."""
        return cls(
            contents=read_contents(bundle),
            public_key=None if public_key is None else public_key.read_bytes(),
            as_corpus=as_corpus,
            settings=settings,
        )


class WorkerScorer:
    """The model in a worker, which scores the rows of shards."""

    def __init__(self, model: WorkerModel, encryption_key: SealingKey | None) -> None:
        with tempfile.NamedTemporaryFile(suffix=".pem") as key:
            key.write(model.public_key or b"")
            key.flush()
            self.scorer = Scorer.load(
                model.contents,
                tasks=model.settings.tasks,
                options=AnswerOptions(calibrate=model.settings.calibrate, abstain=model.settings.abstain),
                public_key=None if model.public_key is None else Path(key.name),
                encryption_key=encryption_key,
                allows_missing=True,
            )
        if torch.cuda.is_available():  # Ray shows a worker only its share of the GPUs
            self.scorer.bundle.network.to("cuda")
        self._as_corpus, self._settings = model.as_corpus, model.settings

    def __call__(self, frame: pl.DataFrame) -> ScoredRows:
        """Score the rows of a shard; see `isolation.score_rows`."""
        return score_rows(
            self.scorer,
            frame,
            as_corpus=self._as_corpus,
            rows_per_batch=self._settings.rows_per_batch,
            max_failed_documents=self._settings.max_failed_documents,
        )


def score_on_ray(
    frames: ShardFrames,
    *,
    model: WorkerModel,
    ray_settings: RaySettings,
    encryption_key: SealingKey | None = None,
) -> ScoredShards:
    """Score shards on a cluster, in the order in which they are done.

    Without a shard no cluster is started. At most one frame a worker is read ahead.

    Raises:
        ModelBroken, MemoryError, OSError: raised by a worker.
        WorkersLost: there is no cluster, or no worker is left.
        OpenCluster: `require_token`, and the cluster asks for none, or there is no token here.
    """
    first = next(frames, None)
    if first is None:
        return
    store_bytes = 2 * sum(map(len, model.contents.files.values()))
    with connect(ray_settings, store_bytes=store_bytes) as ray:
        pool = WorkerPool(
            ray,
            ray_settings,
            build=WorkerScorer,
            # the key is not in the object store, which may spill to a disk
            arguments=(ray.put(model), encryption_key),
            gpus=ray_settings.gpus,
        )
        yield from pool.run(_jobs(itertools.chain([first], frames), ray.put))


def _jobs(frames: ShardFrames, put: Callable[[pl.DataFrame], Any]) -> Iterator[Job[Shard]]:
    for shard, frame in frames:
        first = shard.ranges[0]
        description = (
            f"shard {shard.index} ({shard.rows:,} documents from {first.file}, row {first.first + 1})"
        )
        yield Job(shard, (put(frame),), description)
