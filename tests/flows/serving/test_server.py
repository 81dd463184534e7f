"""The server as a process: it answers, and ends when it is asked to end."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests import tiny_corpora

pytestmark = pytest.mark.slow


def test_it_answers_and_ends_when_asked(tmp_path: Path) -> None:
    bundle = tiny_corpora.saved_bundle(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "flows.cli", "serve", "--bundle", str(bundle), "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health").json()["status"] == "ok"
                break
            except httpx.ConnectError:
                assert server.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
        asked = httpx.post(f"http://127.0.0.1:{port}/predict", json={"texts": ["明月照高楼。"]}, timeout=60)
        assert asked.json()["predictions"][0]["dish"]
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()
    assert server.returncode in (0, -signal.SIGTERM)
    assert f"http://127.0.0.1:{port}, docs at /docs" in log and "Traceback" not in log
