"""Shards scored on a Ray cluster: the rows of a shard travel to a worker and its predictions back; nothing else is shared.

Every worker gets this process's code of mgm and the bundle's files, checks them as here, and loads the model once. The
results are the same as here, and whoever calls writes them as here, so that whatever dies, finished shards stay finished.
A worker that is lost gives its shard back, and another one takes its place.
"""

import importlib.util
import logging
import os
import secrets
import socket
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch

import mgm
from mgm.scoring.isolation import ScoredRows, score_rows
from mgm.scoring.scorer import Scorer
from mgm.scoring.shards import Shard
from mgm.settings.scoring import RaySettings, ScoreSettings

LOCAL = "local"
TRIES = 3
"""How many workers may be lost over one shard, or one after another before any is ready."""
START_SECONDS = 300.0
"""How long the first worker may take to start."""
_WAKE_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_SPARE_BYTES = 256 << 20


class WorkersLost(OSError):
    """Workers cannot start, or are lost again and again. What was scored before stays."""


@dataclass(frozen=True)
class Model:
    """What a worker scores with: the files of the bundle, and how its documents are read."""

    files: dict[str, bytes]
    public_key: bytes | None
    like: str | None
    settings: ScoreSettings

    @classmethod
    def read(
        cls, bundle: Path, public_key: Path | None, like: str | None, settings: ScoreSettings
    ) -> "Model":
        """All files of a bundle's folder, in memory."""
        files = {path.name: path.read_bytes() for path in sorted(bundle.iterdir())}
        return cls(files, None if public_key is None else public_key.read_bytes(), like, settings)


class Worker:
    """The model in a process of the cluster."""

    def __init__(self, model: Model) -> None:
        with tempfile.TemporaryDirectory() as folder:
            bundle, key = Path(folder) / "bundle", Path(folder) / "key.pem"
            bundle.mkdir()
            for name, content in model.files.items():
                (bundle / name).write_bytes(content)
            if model.public_key is not None:
                key.write_bytes(model.public_key)
            self._scorer = Scorer.load(
                bundle, model.settings.tasks, public_key=None if model.public_key is None else key
            )
        if torch.cuda.is_available():  # Ray shows a worker only the share of the GPUs that it was given
            self._scorer.bundle.network.to("cuda")
        self._like, self._settings = model.like, model.settings

    def ready(self) -> str:
        """The id of the bundle that was loaded."""
        return self._scorer.bundle.id

    def score(self, frame: pl.DataFrame) -> ScoredRows:
        """See `isolation.score_rows`."""
        settings = self._settings
        return score_rows(
            self._scorer, frame, self._like, settings.rows_per_batch, settings.max_failed_documents
        )


def check_installed() -> None:
    """Says how to install Ray where it is not.

    Raises:
        ValueError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError(
            "score.ray.address asks for Ray, which is not installed here; run pip install -c requirements.lock -e '.[ray]'"
        )


def score_on_ray(
    model: Model, frames: Iterator[tuple[Shard, pl.DataFrame]]
) -> Generator[tuple[Shard, ScoredRows], None, None]:
    """Scores shards on the cluster of `score.ray`, in the order in which they are done.

    Without a shard no cluster is started. One frame a worker is read ahead, and no more.

    Raises:
        ModelBroken, MemoryError, OSError: what a worker raised; `WorkersLost`, if none is left.
    """
    first = next(frames, None)
    if first is None:
        return
    with _connected(model) as ray:
        yield from _Pool(ray, model).run(first, frames)


@contextmanager
def _connected(model: Model) -> Iterator[Any]:
    """Ray, connected to the cluster; one of this machine is started, and stopped at the end."""
    settings = model.settings.ray
    assert settings.address is not None, "without an address this process scores"
    options: dict[str, Any] = {"address": settings.address}
    if settings.address == LOCAL:
        # A local cluster is this run's alone: it asks for a token that nobody else has, and has no dashboard.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        options |= {
            "num_cpus": max(1, round(settings.workers * settings.cpus)),
            "include_dashboard": False,
            "object_store_memory": 2 * sum(map(len, model.files.values())) + _SPARE_BYTES,
        }
    else:
        _check_answers(settings.address)
    import ray  # here: it reads these variables when it is imported, and takes a second

    try:
        ray.init(
            **options,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={
                "py_modules": [str(Path(mgm.__file__).parent)],
                "excludes": ["**/__pycache__"],
                "env_vars": {
                    "POLARS_MAX_THREADS": str(max(1, round(settings.cpus))),
                    "GOMP_SPINCOUNT": "10000",
                },
            },
        )
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise WorkersLost(f"score.ray.address {settings.address!r}: no Ray cluster: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ray itself would ask for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _ANSWER_SECONDS):
            pass
    except (OSError, ValueError) as error:
        raise WorkersLost(
            f"score.ray.address {address!r}: no Ray cluster answers ({error}); expected local, host:port or ray://host:port"
        ) from error


@dataclass
class _Job:
    """A shard on its way; `rows` is the handle of its frame in the cluster."""

    shard: Shard
    rows: Any
    tries: int = 0


class _Pool:
    """The workers of one night. Each is starting, idle, or scoring one shard."""

    def __init__(self, ray: Any, model: Model) -> None:
        self._ray = ray
        self._settings: RaySettings = model.settings.ray
        self._model = ray.put(model)
        self._actor = ray.remote(
            num_cpus=self._settings.cpus, num_gpus=self._settings.gpus, max_restarts=0, max_task_retries=0
        )(Worker)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._scoring: dict[Any, tuple[Any, _Job]] = {}
        self._lost_at_start = 0

    def run(
        self, first: tuple[Shard, pl.DataFrame], frames: Iterator[tuple[Shard, pl.DataFrame]]
    ) -> Iterator[tuple[Shard, ScoredRows]]:
        """As `score_on_ray`."""
        ray = self._ray
        waiting = deque([_Job(first[0], ray.put(first[1]))])
        for _ in range(self._settings.workers):
            self._start()
        last = time.monotonic()
        while True:
            while self._idle and waiting:
                self._submit(waiting.popleft())
            if not waiting and (read := next(frames, None)) is not None:
                waiting.append(_Job(read[0], ray.put(read[1])))
                continue
            if not waiting and not self._scoring:
                return
            done, _ = ray.wait([*self._starting, *self._scoring], timeout=_WAKE_SECONDS)
            if done:
                last = time.monotonic()
            elif not self._scoring and time.monotonic() - last > START_SECONDS:
                raise WorkersLost(self._none_starts())
            for one in done:
                found = self._ended(one, waiting)
                if found is not None:
                    yield found

    def _start(self) -> None:
        actor = self._actor.remote(self._model)
        self._starting[actor.ready.remote()] = actor

    def _submit(self, job: _Job) -> None:
        actor = self._idle.pop()
        self._scoring[actor.score.remote(job.rows)] = actor, job

    def _ended(self, one: Any, waiting: deque[_Job]) -> tuple[Shard, ScoredRows] | None:
        """A worker is ready, or done with a shard, or lost."""
        if one in self._starting:
            self._started(one)
            return None
        actor, job = self._scoring.pop(one)
        try:
            found = self._ray.get(one)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.RayError as error:
            job.tries += 1
            if job.tries == TRIES:
                raise WorkersLost(
                    f"shard {job.shard.index} ({job.shard.rows:,} documents from {job.shard.ranges[0].file}, row "
                    f"{job.shard.ranges[0].first + 1}): {TRIES} workers were lost over it; the last: {error}"
                ) from error
            self._ray.kill(actor)
            waiting.appendleft(job)
            self._start()
            return None
        self._idle.append(actor)
        return job.shard, found

    def _started(self, one: Any) -> None:
        actor = self._starting.pop(one)
        try:
            self._ray.get(one)
        except self._ray.exceptions.RayError as error:
            self._lost_at_start += 1
            if self._lost_at_start == TRIES:
                raise WorkersLost(f"score.ray: {TRIES} workers could not start; the last: {error}") from error
            self._start()
        else:
            self._lost_at_start = 0
            self._idle.append(actor)

    def _none_starts(self) -> str:
        has = self._ray.cluster_resources()
        return (
            f"score.ray: no worker has started within {START_SECONDS:.0f} s; each asks for {self._settings.cpus} CPUs and "
            f"{self._settings.gpus} GPUs, and the cluster has {has.get('CPU', 0)} and {has.get('GPU', 0)} in all"
        )
