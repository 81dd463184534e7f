"""Prefect's temporary server, where no other is set: it must not outlive the command that started it."""

import os
import secrets
import subprocess

from prefect.context import refresh_global_settings_context
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import get_current_settings


def start_temporary() -> None:
    """Start the temporary server that the flows of this process will use, unless a Prefect API is configured.

    Prefect stops it in an exit handler, which neither SIGTERM nor SIGKILL runs. So a watcher waits for the end of a
    pipe that only this process holds open, and kills the server then.

    The server listens on the loopback address, which every user of this machine reaches. So it requires a password that only
    this process and its children have, from their environment.
    """
    if get_current_settings().api.url is not None:
        return
    password = f"mgm:{secrets.token_hex(16)}"
    os.environ |= {"PREFECT_SERVER_API_AUTH_STRING": password, "PREFECT_API_AUTH_STRING": password}
    refresh_global_settings_context()
    server = SubprocessASGIServer()  # one a process: what Prefect's client asks for later is this one
    server.start()
    assert server.server_process is not None, "a started server has a process"
    watch = f"read -r _; kill -KILL {server.server_process.pid} 2>/dev/null"
    subprocess.Popen(["/bin/sh", "-c", watch], stdin=subprocess.PIPE, process_group=0)


def api_url() -> str | None:
    """Return the URL of the API that this process uses, for its children; None where no server was started yet."""
    configured = get_current_settings().api.url
    if configured is not None:
        return configured
    server = SubprocessASGIServer()
    return server.api_url if server.running else None
