"""Shards scored on a Ray cluster: the rows of a shard travel to a worker and its predictions back; nothing else is shared.

Every worker gets this process's code of mgm and the bundle's files, verifies them, and loads the model once. The results are
the same as in this process, which writes them, so that finished shards stay finished whichever process dies.
"""

import importlib.util
import itertools
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mgm
from mgm.bundle.sealing import SealingKey
from mgm.errors import MissingExtra
from mgm.scoring.local import ScoredShards, ShardFrames
from mgm.scoring.workers import WorkerModel, WorkerPool, WorkersLost
from mgm.settings.scoring import RaySettings

LOCAL = "local"
_AUTH_MODE, _TOKEN = "RAY_AUTH_MODE", "token"
_WHY_TOKEN = (
    "whoever reaches a cluster without one runs code on it and reads the documents; start its nodes with a token "
    "(RAY_AUTH_TOKEN), or set score.ray.require_token to false"
)
_ANSWER_SECONDS = 10.0
_SPARE_BYTES = 256 << 20


class OpenCluster(ValueError):
    """A cluster of other machines takes jobs from whoever reaches it."""


def check_installed() -> None:
    """Check that Ray is installed.

    Raises:
        MissingExtra: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("score.ray.address asks for Ray, which is not installed here", extra="ray")


def score_on_ray(
    frames: ShardFrames, *, model: WorkerModel, encryption_key: SealingKey | None = None
) -> ScoredShards:
    """Score shards on the cluster of `score.ray`, in the order in which they are done.

    Without a shard no cluster is started. At most one frame a worker is read ahead.

    Raises:
        ModelBroken, MemoryError, OSError: raised by a worker.
        WorkersLost: there is no cluster, or no worker is left.
        OpenCluster: `require_token`, and the cluster asks for none, or there is no token here.
    """
    first = next(frames, None)
    if first is None:
        return
    with _connect(model) as ray:
        yield from WorkerPool(ray, model, encryption_key=encryption_key).run(itertools.chain([first], frames))


@contextmanager
def _connect(model: WorkerModel) -> Iterator[Any]:
    """Yield the module ray, connected to the cluster; one of this machine is started, and stopped at the end."""
    settings = model.settings.ray
    assert settings.address is not None, "without an address this process scores"
    options: dict[str, Any] = {"address": settings.address}
    if settings.address == LOCAL:
        # a local cluster is this run's alone: it requires a token that nobody else has, and has no dashboard
        os.environ.setdefault(_AUTH_MODE, _TOKEN)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        options |= {
            "num_cpus": max(1, round(settings.workers * settings.cpus)),
            "include_dashboard": False,
            "object_store_memory": 2 * sum(map(len, model.contents.files.values())) + _SPARE_BYTES,
        }
    else:
        _check_token_here(settings)
        _check_answers(settings.address)
    import ray  # here, since it reads these variables when it is imported, and takes a second

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
                    "GOMP_SPINCOUNT": "0",
                    "KMP_BLOCKTIME": "0",
                },
            },
        )
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise WorkersLost(f"score.ray.address {settings.address!r}: no Ray cluster: {error}") from error
    try:
        if settings.address != LOCAL and settings.require_token:
            _check_token_required(ray, settings.address)
        yield ray
    finally:
        ray.shutdown()


def _check_token_here(settings: RaySettings) -> None:
    """Check that this process has a token where one is asked for: without one Ray itself ends in a long traceback."""
    mode, where = os.environ.get(_AUTH_MODE), f"score.ray.address {settings.address!r}"
    if settings.require_token and mode != _TOKEN:
        raise OpenCluster(f"{where}: {_AUTH_MODE} is {mode!r} here, expected {_TOKEN!r}: {_WHY_TOKEN}")
    if mode != _TOKEN or os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    if not path.is_file() or not path.read_text(encoding="utf-8", errors="replace").strip():
        raise OpenCluster(
            f"{where}: {_AUTH_MODE} is {_TOKEN!r} here, but there is no token: expected that of the cluster's nodes in "
            f"RAY_AUTH_TOKEN, or in the file {path}"
        )


def _check_token_required(ray: Any, address: str) -> None:
    """Check that the cluster asks for a token, before it gets a document: one that does not takes any token, too."""

    def read_mode(name: str) -> str | None:  # inner functions travel as they are, without this package
        return os.environ.get(name)

    mode = ray.get(ray.remote(num_cpus=0)(read_mode).remote(_AUTH_MODE))
    if mode != _TOKEN:
        raise OpenCluster(
            f"score.ray.address {address!r}: {_AUTH_MODE} is {mode!r} on its nodes, expected {_TOKEN!r}: {_WHY_TOKEN}"
        )


def _check_answers(address: str) -> None:
    """Check that something listens at the address, since Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _ANSWER_SECONDS):
            pass
    except (OSError, ValueError) as error:
        raise WorkersLost(
            f"score.ray.address {address!r}: no Ray cluster answers ({error}); expected local, host:port or ray://host:port"
        ) from error
