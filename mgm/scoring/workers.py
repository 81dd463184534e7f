"""Workers of a Ray cluster, each with a copy of the model, and the pool that gives them shards.

A worker that is lost gives its shard back, and another one takes its place.
"""

import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch

from mgm.bundle.contents import BundleContents, read_contents
from mgm.bundle.sealing import SealingKey
from mgm.scoring.answers import AnswerOptions
from mgm.scoring.isolation import ScoredRows, score_rows
from mgm.scoring.local import ShardFrames
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.scoring import RaySettings, ScoreSettings

MAX_TRIES = 3
"""The most workers that may be lost over one shard, or one after another before any is ready."""
START_SECONDS = 300.0
"""The seconds that the first worker may take to start."""
WAKE_SECONDS = 5.0


class WorkersLost(OSError):
    """Workers cannot start, or are lost again and again. Shards that were scored before stay."""


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


class Worker:
    """The model in a process of the cluster."""

    def __init__(self, model: WorkerModel, encryption_key: SealingKey | None) -> None:
        with tempfile.NamedTemporaryFile(suffix=".pem") as key:
            key.write(model.public_key or b"")
            key.flush()
            self._scorer = Scorer.load(
                model.contents,
                tasks=model.settings.tasks,
                options=AnswerOptions(calibrate=model.settings.calibrate, abstain=model.settings.abstain),
                public_key=None if model.public_key is None else Path(key.name),
                encryption_key=encryption_key,
                allows_missing=True,
            )
        if torch.cuda.is_available():  # Ray shows a worker only its share of the GPUs
            self._scorer.bundle.network.to("cuda")
        self._as_corpus, self._settings = model.as_corpus, model.settings

    def ready(self) -> str:
        """Return the id of the bundle that was loaded."""
        return self._scorer.bundle.id

    def score(self, frame: pl.DataFrame) -> ScoredRows:
        """Score the rows of a shard; see `isolation.score_rows`."""
        return score_rows(
            self._scorer,
            frame,
            as_corpus=self._as_corpus,
            rows_per_batch=self._settings.rows_per_batch,
            max_failed_documents=self._settings.max_failed_documents,
        )


@dataclass
class _Job:
    """A shard on its way; `rows` is the handle of its frame in the cluster."""

    shard: Shard
    rows: Any
    tries: int = 0


class WorkerPool:
    """The workers of one night. Each is starting, idle, or scoring one shard.

    Args:
        ray: the module, connected to the cluster.
        model: the bundle as it lies in its folder, sealed or not.
        encryption_key: opens it in the workers.
    """

    def __init__(self, ray: Any, model: WorkerModel, *, encryption_key: SealingKey | None) -> None:
        self._ray = ray
        self._settings: RaySettings = model.settings.ray
        self._model = ray.put(model)
        # not in the object store, which may spill to a disk
        self._encryption_key = encryption_key
        self._actor = ray.remote(
            num_cpus=self._settings.cpus, num_gpus=self._settings.gpus, max_restarts=0, max_task_retries=0
        )(Worker)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._scoring: dict[Any, tuple[Any, _Job]] = {}
        self._lost_at_start = 0

    def run(self, frames: ShardFrames) -> Iterator[tuple[Shard, ScoredRows]]:
        """Yield the rows of shards as they are scored, reading at most one frame a worker ahead.

        Raises:
            ModelBroken, MemoryError, OSError: raised by a worker.
            WorkersLost: no worker starts, or too many are lost.
        """
        pending: deque[_Job] = deque()
        for _ in range(self._settings.workers):
            self._start()
        last_event = time.monotonic()
        while True:
            while self._idle and pending:
                self._submit(pending.popleft())
            if not pending and (item := next(frames, None)) is not None:
                pending.append(_Job(shard=item[0], rows=self._ray.put(item[1])))
                continue
            if not pending and not self._scoring:
                return
            done, _ = self._ray.wait([*self._starting, *self._scoring], timeout=WAKE_SECONDS)
            if done:
                last_event = time.monotonic()
            elif not self._scoring and time.monotonic() - last_event > START_SECONDS:
                raise WorkersLost(self._describe_shortage())
            for handle in done:
                result = self._handle_event(handle, pending)
                if result is not None:
                    yield result

    def _start(self) -> None:
        actor = self._actor.remote(self._model, self._encryption_key)
        self._starting[actor.ready.remote()] = actor

    def _submit(self, job: _Job) -> None:
        actor = self._idle.pop()
        self._scoring[actor.score.remote(job.rows)] = actor, job

    def _handle_event(self, handle: Any, pending: deque[_Job]) -> tuple[Shard, ScoredRows] | None:
        """Handle a worker that is ready, has scored a shard, or is lost; return the shard where one was scored."""
        if handle in self._starting:
            self._handle_start(handle)
            return None
        actor, job = self._scoring.pop(handle)
        try:
            rows = self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            job.tries += 1
            if job.tries == MAX_TRIES:
                first = job.shard.ranges[0]
                raise WorkersLost(
                    f"shard {job.shard.index} ({job.shard.rows:,} documents from {first.file}, row "
                    f"{first.first + 1}): {MAX_TRIES} workers were lost over it; the last: {error}"
                ) from error
            self._ray.kill(actor)
            pending.appendleft(job)
            self._start()
            return None
        self._idle.append(actor)
        return job.shard, rows

    def _handle_start(self, handle: Any) -> None:
        actor = self._starting.pop(handle)
        try:
            self._ray.get(handle)
        except self._ray.exceptions.RayError as error:
            self._lost_at_start += 1
            if self._lost_at_start == MAX_TRIES:
                raise WorkersLost(
                    f"score.ray: {MAX_TRIES} workers could not start; the last: {error}"
                ) from error
            self._start()
        else:
            self._lost_at_start = 0
            self._idle.append(actor)

    def _describe_shortage(self) -> str:
        resources = self._ray.cluster_resources()
        return (
            f"score.ray: no worker has started within {START_SECONDS:.0f} s; each asks for {self._settings.cpus} CPUs and "
            f"{self._settings.gpus} GPUs, and the cluster has {resources.get('CPU', 0)} and {resources.get('GPU', 0)} in all"
        )
