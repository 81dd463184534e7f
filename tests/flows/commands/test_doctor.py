"""`mgm doctor`: a healthy project, and what would stop a run in others."""

import base64
import json
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from flows import doctor as checkup
from flows import exit_codes
from flows.cli import main
from mgm import native
from mgm.bundle.sealing import write_key
from tests import keys as key_pairs
from tests import tiny_corpora

NAMES = {
    "python", "packages", "kernels", "extras", "statistics", "git", "disk", "memory", "processors", "prefect", "keys", "stages", "settings",
    "corpora", "lists", "champion", "texts", "nights", "schedules",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has settings, stages and corpora, and no model yet."""
    monkeypatch.chdir(tmp_path)
    for name in ("PREFECT_API_URL", "MGM_SIGNING_KEY", "MGM_VERIFY_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages:\n  train:\n    cmd: echo\n", encoding="utf-8")
    params = tiny_corpora.SETTINGS | {"enabled": {"menus": "menus.jsonl", "verses": "verses.jsonl"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    tiny_corpora.menus().write_ndjson("menus.jsonl")
    tiny_corpora.verses().write_ndjson("verses.jsonl")
    return tmp_path


def outcome(name: str) -> checkup.Check:
    return next(check for check in checkup.run_checks() if check.name == name)


@pytest.mark.usefixtures("project")
def test_a_healthy_project_passes_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == exit_codes.DONE
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[1] for line in lines} == NAMES
    assert not [line for line in lines if line.startswith("failed")]
    assert any("corpora     enabled: menus, verses" in line for line in lines)


def test_a_folder_that_no_table_can_lie_in_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome("nights").status == checkup.OK
    moved = project / "a#b"
    moved.mkdir()
    (project / "params.yaml").rename(moved / "params.yaml")
    monkeypatch.chdir(moved)
    found = checkup._guarded(moved, {"nights": checkup._tables})
    (check,) = found
    assert check.status == checkup.WARNING and "cannot lie in a folder with '#' in its path" in check.message


def test_absent_kernels_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "LIBRARY", Path("absent.so"))
    found = outcome("kernels")
    assert found.status == checkup.WARNING
    assert found.message.startswith(
        "none, so that scoring is slower, with the same results: absent.so: missing"
    )


@pytest.mark.usefixtures("project")
def test_json_has_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    Path("menus.jsonl").unlink()
    assert main(["doctor", "--json"]) == exit_codes.FAILED
    content = json.loads(capsys.readouterr().out)
    assert content["ok"] is False
    assert {check["name"] for check in content["checks"]} == NAMES
    assert {tuple(check) for check in content["checks"]} == {("name", "status", "message")}
    assert [check["name"] for check in content["checks"] if check["status"] == "failed"] == ["corpora"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("seed: [", "params.yaml: not valid YAML"),
        ("enabled: {menus: menus.jsonl}\nsed: 1\n", "params.yaml: sed: unknown key (did you mean 'seed'?)"),
    ],
    ids=["no YAML", "unknown key"],
)
def test_settings_that_cannot_be_read(project: Path, settings: str, message: str) -> None:
    (project / "params.yaml").write_text(settings, encoding="utf-8")
    found = outcome("settings")
    assert found.status == checkup.FAILED
    assert message in found.message


@pytest.mark.usefixtures("project")
def test_a_missing_corpus_file_is_named_unless_it_is_fetched() -> None:
    Path("verses.jsonl").unlink()
    found = outcome("corpora")
    assert (found.status, found.message) == (
        checkup.FAILED,
        "verses: verses.jsonl: no such file or folder",
    )
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("verses.jsonl", "data/fetched/reviews.parquet"))
    assert outcome("corpora").message == "enabled: menus, verses; verses will be fetched"


def test_a_wrong_list_of_terms_stops_a_run_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("lists").message == "none"
    params = Path("params.yaml")
    text = params.read_text().replace("menus: {}", "menus: {text: {lexicons: [keys.txt]}}", 1)
    params.write_text(text, encoding="utf-8")
    missing = "data/resources/keys.txt: no such list; text.lexicons names it"
    assert (outcome("lists").status, outcome("lists").message) == (checkup.FAILED, missing)
    assert main(["run"]) == exit_codes.FAILED
    assert missing in capsys.readouterr().err
    (project / "data/resources").mkdir(parents=True)
    Path("data/resources/keys.txt").write_text("Enter\nEscape\n")
    assert outcome("lists").message == "keys.txt: 2 words or terms"


def test_the_champion_is_loaded(project: Path) -> None:
    bundle = tiny_corpora.saved_bundle(project / "models")
    from mgm.bundle.format import bundle_id

    identity = bundle_id(bundle)
    store = project / "models" / "store"
    store.mkdir(parents=True)
    bundle.rename(store / identity)
    pointer = project / "models" / "champion.json"
    pointer.write_text(json.dumps({"bundle": identity, "promoted_at": "2026-01-01T00:00:00+00:00"}))
    found = outcome("champion")
    assert found.status == checkup.OK, found.message
    assert found.message.startswith(f"{identity[:12]} since 2026-01-01")
    assert "dish" in found.message

    weights = store / identity / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    found = outcome("champion")
    assert found.status == checkup.FAILED
    assert "weights.safetensors: altered" in found.message
    pointer.write_text(json.dumps({"bundle": "0" * 64, "promoted_at": "2026-01-01T00:00:00+00:00"}))
    assert "not in the store; try `dvc pull" in outcome("champion").message
    pointer.write_text("[]")
    assert "not a champion's pointer" in outcome("champion").message


@pytest.mark.usefixtures("project")
def test_what_stands_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    private = key_pairs.pair(tmp_path / "one")
    monkeypatch.setenv("MGM_SIGNING_KEY", str(private))
    monkeypatch.setenv("MGM_VERIFY_KEY", str(key_pairs.public(key_pairs.pair(tmp_path / "two"))))
    found = {check.name: check for check in checkup.run_checks()}
    assert found["prefect"].status == checkup.FAILED
    assert "http://127.0.0.1:9/api does not answer" in found["prefect"].message
    assert found["statistics"].status == checkup.WARNING
    assert "DO_NOT_TRACK=0" in found["statistics"].message
    assert found["keys"].status == checkup.FAILED
    assert "do not belong together" in found["keys"].message
    monkeypatch.setenv("MGM_VERIFY_KEY", "nowhere.pem")
    assert "MGM_VERIFY_KEY: nowhere.pem: no such file" in outcome("keys").message


class Server(BaseHTTPRequestHandler):
    """The statuses of Prefect's server that was started with a password, or without."""

    password: str | None = None

    def do_GET(self) -> None:
        """Answer."""
        encoded = None if self.password is None else base64.b64encode(self.password.encode()).decode()
        knows = self.path == "/api/health" or encoded is None
        self.send_response(200 if knows or self.headers["Authorization"] == f"Basic {encoded}" else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.mark.parametrize(
    ("of_server", "of_client", "status", "text"),
    [
        (
            None,
            None,
            "warning",
            "runs commands for whoever reaches it; start it with PREFECT_SERVER_API_AUTH",
        ),
        ("mgm:a", None, "failed", "PREFECT_API_AUTH_STRING is not set, and http"),
        ("mgm:a", "mgm:b", "failed", "PREFECT_API_AUTH_STRING is not the server's, and http"),
        ("mgm:a", "mgm:a", "ok", "answers, and asks for its password"),
    ],
    ids=["open", "no password", "wrong password", "right password"],
)
def test_whether_the_scheduler_asks_for_a_password(
    monkeypatch: pytest.MonkeyPatch, of_server: str | None, of_client: str | None, *, status: str, text: str
) -> None:
    handler = type("Handler", (Server,), {"password": of_server})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        if of_client is None:
            monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
        else:
            monkeypatch.setenv("PREFECT_API_AUTH_STRING", of_client)
        found = checkup._prefect(Path())
        server.shutdown()
    assert found[0] == status
    assert text in found[1]


def test_a_repository_without_a_commit_has_no_revision(project: Path) -> None:
    assert "in no repository" in outcome("git").message
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    found = outcome("git")
    assert found.status == checkup.WARNING
    assert "the repository has no commit" in found.message


@pytest.mark.usefixtures("project")
def test_schedules_with_their_time_zone() -> None:
    schedule = (
        "deployments:\n- name: nightly\n  schedules:\n  - cron: '30 1 * * *'\n    timezone: Europe/Berlin\n"
    )
    Path("prefect.yaml").write_text(schedule, encoding="utf-8")
    assert outcome("schedules").message.startswith("nightly: 30 1 * * * in Europe/Berlin, now 20")
    Path("prefect.yaml").write_text(f"{schedule}  parameters: {{timezone: UTC}}\n", encoding="utf-8")
    told = outcome("schedules")
    assert (told.status, told.message.split("; ")[1]) == (
        "warning",
        "nightly: the parameter timezone UTC is ignored, take it out",
    )
    Path("prefect.yaml").write_text(schedule.replace("Berlin", "Berlim"), encoding="utf-8")
    assert "timezone 'Europe/Berlim': no such zone" in outcome("schedules").message
    interval = "deployments:\n- name: n\n  entrypoint: flows/nightly.py:nightly_score\n  schedules: [{interval: 86400, timezone: Asia/Gaza}]\n"
    Path("prefect.yaml").write_text(interval, encoding="utf-8")
    found = outcome("schedules")
    assert (
        found.status == checkup.FAILED
        and "prefect.yaml: n: schedule `interval: 86400` in Asia/Gaza" in found.message
    )
    Path("prefect.yaml").write_text(interval.replace("Asia/Gaza", "UTC"), encoding="utf-8")
    assert outcome("schedules").message.startswith("n: every 86400 seconds in UTC")


def test_without_a_project_the_installation_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == exit_codes.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("warning  project     no project in this folder")
    assert "settings" not in {line.split()[1] for line in lines}


def test_a_package_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    version = checkup._version
    monkeypatch.setattr(checkup, "_version", lambda name: "0.156.0" if name == "fastapi" else version(name))
    found = outcome("packages")
    assert found.status == checkup.FAILED
    assert "fastapi 0.156.0, expected <0.155" in found.message


def test_places_with_text_in_the_clear_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a key or a setting protects is not among them, and a bucket is where the store is not asked to encrypt."""
    pytest.importorskip("pyrage", reason="needs the extra encrypt")
    for name in ("MGM_ENCRYPTION_KEY", "AWS_SERVER_SIDE_ENCRYPTION"):
        monkeypatch.delenv(name, raising=False)
    text = outcome("texts").message
    assert outcome("texts").status == checkup.OK
    for place in (
        "data, models/candidate, models/first_fit and reports",
        "models/store",
        "staged shards",
        "data/scored/rejects",
    ):
        assert place in text
    write_key(project / "encryption.key")
    monkeypatch.setenv("MGM_ENCRYPTION_KEY", str(project / "encryption.key"))
    params = project / "params.yaml"
    shipped = params.read_text(encoding="utf-8")
    sealed = {"reject_values": "sealed", "table": "s3://bucket/table", "rejects": "s3://bucket/rejects"}
    ray = {"ray": {"storage": "shared/parts"}}
    params.write_text(
        shipped + f"\nscore: {json.dumps(sealed)}\ncompute: {json.dumps(ray)}\n", encoding="utf-8"
    )
    text = outcome("texts").message
    assert "shared/parts (compute.ray.storage)" in text
    assert "models/store" not in text and "staged" not in text and "rejects" not in text
    assert "s3://bucket/table (storage.encryption is not set)" in text
    with params.open("a", encoding="utf-8") as file:
        file.write('storage: {encryption: "aws:kms", kms_key: our-key}\n')
    assert "s3://bucket" not in outcome("texts").message
    (project / ".dvc").mkdir(exist_ok=True)
    (project / ".dvc" / "config").write_text("['remote \"far\"']\nurl = s3://bucket/dvc\n", encoding="utf-8")
    assert outcome("texts").status == checkup.WARNING
    assert "DVC's remote far does not ask for storage.encryption yet" in outcome("texts").message
    with (project / ".dvc" / "config").open("a", encoding="utf-8") as config:
        config.write("sse = aws:kms\nsse_kms_key_id = our-key\n")
    assert outcome("texts").status == checkup.OK
    assert "far" not in outcome("texts").message
