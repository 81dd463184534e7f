"""A PostgreSQL server of its own, for one test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_USERS = ("postgres", "nobody")


def binaries() -> Path | None:
    """The folder of `postgres` and `initdb`; None where there is no server."""
    found = shutil.which("postgres")
    places = [Path(found).resolve()] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return places[-1].parent if places else None


@contextmanager
def running(port: int) -> Iterator[str]:
    """The server; its address, as Prefect reads it. It refuses root, who starts it as another user."""
    folder, place = binaries(), Path(tempfile.mkdtemp(prefix="mgm-postgres-"))
    assert folder is not None, "no postgres binary"
    user = {}
    if os.geteuid() == 0:
        entry = next(e for e in pwd.getpwall() if e.pw_name in _USERS)
        user = {"user": entry.pw_uid, "group": entry.pw_gid}
        os.chown(place, entry.pw_uid, entry.pw_gid)
    data = place / "data"
    made = [folder / "initdb", "-D", data, "-U", "prefect", "--auth=trust", "-E", "UTF8", "--no-sync"]
    log = (place / "log").open("wb")
    try:
        subprocess.run(made, cwd="/", stdout=log, stderr=log, check=True, **user)
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        command = [folder / "postgres", "-D", data, "-p", str(port), "-k", place, *options]
        server = psutil.Popen(list(map(str, command)), cwd="/", stdout=log, stderr=log, **user)
        try:
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(30)
    finally:
        log.close()
        shutil.rmtree(place)
