"""The connection to a Ray cluster: of other machines, which must require a token, or of this one."""

import importlib
import importlib.util
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mgm.compute.workers import WorkersLost
from mgm.errors import MissingExtra
from mgm.settings.compute import RaySettings

LOCAL = "local"
SPARE_BYTES = 256 << 20
"""The object store of a cluster of this machine, beside what is known to be put there."""
_AUTH_MODE, _TOKEN = "RAY_AUTH_MODE", "token"
_WHY_TOKEN = (
    "whoever reaches a cluster without one runs code on it and reads the documents; start its nodes with a token "
    "(RAY_AUTH_TOKEN), or set compute.ray.require_token to false"
)
_ANSWER_SECONDS = 10.0


class OpenCluster(ValueError):
    """A cluster of other machines takes jobs from whoever reaches it."""


def check_installed() -> None:
    """Check that Ray is installed.

    Raises:
        MissingExtra: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("compute.ray.address asks for Ray, which is not installed here", extra="ray")


@contextmanager
def connect(settings: RaySettings, *, store_bytes: int = 0) -> Iterator[Any]:
    """Yield the module ray, connected to the cluster; one of this machine is started, and stopped at the end.

    Args:
        settings: the cluster.
        store_bytes: the bytes that are put into the object store at a time, so that one of this machine has room.

    Raises:
        WorkersLost: there is no cluster.
        OpenCluster: `require_token`, and the cluster asks for none, or there is no token here.
    """
    assert settings.address is not None, "without an address this machine works alone"
    options: dict[str, Any] = {"address": settings.address}
    if settings.address == LOCAL:
        # a local cluster is this run's alone: it requires a token that nobody else has, and has no dashboard
        os.environ.setdefault(_AUTH_MODE, _TOKEN)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        options |= {
            "num_cpus": max(1, round(settings.workers * settings.cpus)),
            "include_dashboard": False,
            "object_store_memory": store_bytes + SPARE_BYTES,
        }
    else:
        _check_token_here(settings)
        _check_answers(settings.address)
    # here, since it reads these variables when it is imported, and takes a second; by name, since predictions need none of it
    ray = importlib.import_module("ray")
    try:
        ray.init(
            **options,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={
                "py_modules": [str(Path(__file__).parents[1])],
                "excludes": ["**/__pycache__"],
                "env_vars": {
                    "POLARS_MAX_THREADS": str(max(1, round(settings.cpus))),
                    "GOMP_SPINCOUNT": "0",
                    "KMP_BLOCKTIME": "0",
                },
            },
        )
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise WorkersLost(f"compute.ray.address {settings.address!r}: no Ray cluster: {error}") from error
    try:
        if settings.address != LOCAL and settings.require_token:
            _check_token_required(ray, settings.address)
        yield ray
    finally:
        ray.shutdown()


def _check_token_here(settings: RaySettings) -> None:
    """Check that this process has a token where one is asked for: without one Ray itself ends in a long traceback."""
    mode, where = os.environ.get(_AUTH_MODE), f"compute.ray.address {settings.address!r}"
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
            f"compute.ray.address {address!r}: {_AUTH_MODE} is {mode!r} on its nodes, expected {_TOKEN!r}: {_WHY_TOKEN}"
        )


def _check_answers(address: str) -> None:
    """Check that something listens at the address, since Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _ANSWER_SECONDS):
            pass
    except (OSError, ValueError) as error:
        raise WorkersLost(
            f"compute.ray.address {address!r}: no Ray cluster answers ({error}); expected local, host:port or ray://host:port"
        ) from error
