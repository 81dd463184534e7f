"""Who may reach Prefect's API: what prefect.toml and the flows' own environment set, asked of Prefect's real application."""

import base64
import os
import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from prefect.context import SettingsContext, refresh_global_settings_context
from prefect.server.api.server import create_app
from prefect.settings import Profile, Settings, get_current_settings
from starlette.testclient import TestClient

from flows import environment, server
from tests import browser
from tests.flows.conftest import SOURCE

RUN = "/api/deployments/00000000-0000-0000-0000-000000000000/create_flow_run"
ELSEWHERE = {"Origin": "https://elsewhere.example"}
PASSWORD = ("mgm", "a secret")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Yield the settings of a Prefect command that is started in the project's folder."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    shutil.copy(SOURCE / "prefect.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    yield Settings()


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Yield a client of the server that starts with these settings and a password."""
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", ":".join(PASSWORD))
    with SettingsContext(profile=Profile(name="here", variables={}), settings=Settings()):
        yield TestClient(create_app(ignore_cache=True), base_url="http://127.0.0.1:4200")


def test_a_run_needs_the_password_and_a_token(client: TestClient) -> None:
    assert client.get("/api/csrf-token?client=a").status_code == 401
    assert client.get("/api/csrf-token?client=a", auth=("mgm", "guessed")).status_code == 401
    refused = client.post(RUN, json={}, auth=PASSWORD)
    assert (refused.status_code, refused.json()) == (403, {"detail": "Missing CSRF token."})
    assert client.get("/api/health").status_code == 200


def test_pages_of_other_origins_read_and_start_nothing(client: TestClient) -> None:
    """A body without a content type is what a page may send anywhere unasked, and Prefect reads it as JSON."""
    assert client.post(RUN, content=b"{}", headers=ELSEWHERE, auth=PASSWORD).status_code == 403
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "prefect-csrf-token"}
    assert client.options(RUN, headers=ELSEWHERE | asked).status_code == 400
    allowed = "access-control-allow-origin"
    assert allowed not in client.get("/api/health", headers=ELSEWHERE).headers
    for own in ("http://127.0.0.1:4200", "http://localhost:4200"):  # the pages of Prefect's own server
        assert client.get("/api/health", headers={"Origin": own}).headers[allowed] == own


@pytest.mark.slow
@pytest.mark.usefixtures("client")
def test_a_browser_that_knows_the_password_starts_nothing_for_another_page(tmp_path: Path) -> None:
    """The page's requests arrive with the password, as those of a browser that has asked for it once, and each is refused."""
    app, statuses = create_app(ignore_cache=True), list[tuple[str, int]]()
    password = base64.b64encode(":".join(PASSWORD).encode())

    async def logged_in(scope: Any, receive: Any, send: Any) -> None:
        async def record(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append((scope["method"], message["status"]))
            await send(message)

        scope["headers"] = [*scope["headers"], (b"authorization", b"Basic " + password)]
        await app(scope, receive, record)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        running = uvicorn.Server(uvicorn.Config(logged_in, lifespan="off", log_level="error"))
        thread = Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        browser.attack(tmp_path, f"{address}{RUN}", readable=f"{address}/api/health")
        running.should_exit = True
        thread.join(20)
    assert Counter(statuses) == {("POST", 403): 7, ("OPTIONS", 400): 1, ("GET", 200): 1}


def test_the_flows_guard_their_own_server_alike(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("prefect.toml").unlink()
    for name, value in environment.GUARDS.items():
        monkeypatch.setenv(name, value)
    assert Settings().server.api == settings.server.api
    assert settings.server.api.csrf_protection_enabled


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no server be configured, and put Prefect's settings back at the end."""
    with monkeypatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        for name in ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
            patch.setenv(name, "mgm:of another server")
        yield
    refresh_global_settings_context()


@pytest.mark.usefixtures("no_server")
def test_a_temporary_server_has_a_password_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Stopped:
        server_process = type("Process", (), {"pid": 0})

        def start(self) -> None:
            settings = get_current_settings()
            started.append((settings.server.api.auth_string, settings.api.auth_string))

    monkeypatch.setattr(server, "SubprocessASGIServer", Stopped)
    monkeypatch.setattr(server.subprocess, "Popen", lambda *_, **__: None)
    server.start_temporary()
    server.start_temporary()
    (one, sent), (other, _) = started
    assert one == sent != other
    assert len(one.get_secret_value()) > 30
