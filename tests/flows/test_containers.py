"""The image and the compose file, replayed without Docker: their steps are the shell's, and their services are processes."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from tests import postgres

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRETS = ("PASSWORD", "AUTH", "TOKEN", "SECRET", "KEY")


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    lines = "".join(line + "\n" for line in text.splitlines() if not line.startswith("#"))
    return [
        (name, " ".join(argument.split()))
        for name, _, argument in (
            line.partition(" ") for line in re.sub(r"\\\n", " ", lines).splitlines() if line
        )
    ]


STEPS = instructions()
BUILD = STEPS[: [name for name, _ in STEPS].index("FROM", 1)]


def of(name: str, steps: list[tuple[str, str]] = STEPS) -> list[str]:
    return [argument for step, argument in steps if step == name]


def test_images_are_pinned() -> None:
    """To an exact release, and that of Python in both stages."""
    bases = [argument.split()[0] for argument in of("FROM")]
    assert len(set(bases)) == 1 and re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", bases[0])
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert requires == ">=3.11" and bases[0] > "python:3.11"
    images = {name: service["image"] for name, service in SERVICES.items()}
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", images.pop("database"))
    assert set(images.values()) == {"mgm"}


def test_nothing_runs_as_root() -> None:
    """The database's image drops its rights itself."""
    users = of("USER")
    assert users == ["1000:1000"]
    assert (
        STEPS.index(("USER", users[0]))
        > [i for i, (name, _) in enumerate(STEPS) if name in ("RUN", "COPY")][-1]
    )
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"]
        if name != "database":
            assert service["user"] == "${MGM_USER:-1000:1000}" and service["cap_drop"] == ["ALL"]


def test_image_has_an_extra_for_what_services_do() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (install,) = [argument for argument in of("RUN") if "'.[" in argument]
    chosen = re.search(r"\.\[(.*)\]", install)
    assert chosen is not None
    assert {"s3", "serve", "sign", "encrypt"} <= set(chosen.group(1).split(",")) <= extras.keys()


def test_what_is_copied_is_there_and_in_the_context() -> None:
    sources = [s for argument in of("COPY", BUILD) for s in argument.split()[:-1]]
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    for source in sources:
        assert (ROOT / source).exists() and f"!{source}" in context
    assert "*" in context


def test_secrets_come_from_the_environment() -> None:
    """No value stands in the files, and one that is required and missing stops compose."""
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if any(word in name for word in SECRETS) and name != "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED":
                assert value is None or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
    url = SERVICES["server"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert re.search(r"://prefect:\$\{POSTGRES_PASSWORD:\?[^}]+\}@database:5432/prefect$", url)
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    assert re.findall(r"^(?:POSTGRES_PASSWORD|PREFECT_AUTH)=(.*)$", example, re.M) == ["", ""]
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "deploy" / "compose.yaml").read_text()))
    assert required == {"PREFECT_AUTH", "POSTGRES_PASSWORD", "MGM_PROJECT_FOLDER"}
    assert all(f"\n{name}=" in example for name in required)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    assert "/deploy/.env\n" in ignored and "/deploy/keys/\n" in ignored


def test_services_wait_for_healthy_ones() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name != "deploy")
    assert SERVICES["server"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert SERVICES["deploy"]["depends_on"] == {"server": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["depends_on"] == {"deploy": {"condition": "service_completed_successfully"}}
    assert set(COMPOSE["volumes"]) == {"database"}
    assert SERVICES["database"]["volumes"] == ["database:/var/lib/postgresql/data"]


def test_only_this_machine_reaches_the_ports() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"server": ["127.0.0.1:4200:4200"], "serve": ["127.0.0.1:8000:8000"]}


@pytest.mark.slow
def test_steps_of_the_build_make_the_command(tmp_path: Path) -> None:
    """In a folder with what is copied alone. Dependencies are those of this environment, in place of an index."""
    source, venv = tmp_path / "src", tmp_path / "venv"
    source.mkdir()
    environment = os.environ | {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    environment.pop("PYTHONPATH", None)
    for name, argument in BUILD:
        if name == "COPY":
            *sources, _ = argument.split()
            for part in sources:
                if (ROOT / part).is_dir():
                    left_out = shutil.ignore_patterns("__pycache__", "*.so")
                    shutil.copytree(ROOT / part, source / part, ignore=left_out)
                else:
                    shutil.copy(ROOT / part, source / part)
        elif name == "ENV":
            assert argument == "PATH=/opt/mgm/bin:$PATH"
            environment["PATH"] = f"{venv}/bin{os.pathsep}{environment['PATH']}"
        elif name == "RUN" and not argument.startswith("apt-get"):
            command = argument.replace("/opt/mgm", str(venv)).replace(
                "python -m venv", f"{sys.executable} -m venv"
            )
            done = subprocess.run(
                command, shell=True, cwd=source, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            if "-m venv" in command:
                packages = sysconfig.get_path("purelib", vars={"base": str(venv)})
                here = f"import sys; sys.path.insert(0, {sysconfig.get_path('purelib')!r})\n"
                # first, as a new environment has an older setuptools
                Path(packages, "installed.pth").write_text(here)
    mgm = subprocess.run(
        [venv / "bin" / "mgm", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert mgm.stdout.startswith("mgm ")
    where = [venv / "bin" / "python", "-c", "import mgm.native as n; print(n.__file__, n.why_missing())"]
    found = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(venv)) and found.strip().endswith("None"), "with its compiled kernels"


@pytest.mark.slow
@pytest.mark.skipif(postgres.binaries() is None, reason="no PostgreSQL server on this machine")
def test_services_of_the_file_become_healthy(tmp_path: Path) -> None:
    """Server on PostgreSQL, deployment and worker by their commands, environments and health checks, with addresses of this machine.

    The server refuses who has no password.
    """
    database, port, health = _free_port(), _free_port(), _free_port()
    values = {"POSTGRES_PASSWORD": "secret", "PREFECT_AUTH": "mgm:secret"}
    running: list[psutil.Popen] = []
    project = tmp_path / "project"
    project.mkdir()
    (project / "dvc.yaml").touch()
    declared = yaml.safe_load((ROOT / "flows" / "template" / "prefect.yaml").read_text(encoding="utf-8"))
    for deployment in declared["deployments"]:
        deployment.pop("schedules", None)  # nothing is to run
    (project / "prefect.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")

    def here(text: object) -> str:
        text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: values[match.group(1)], str(text))
        for there, ours in {
            "@database:5432/prefect": f"@127.0.0.1:{database}/postgres",
            "0.0.0.0": "127.0.0.1",
            "//server:": "//127.0.0.1:",
            ":4200": f":{port}",
            ":8080": f":{health}",
            "/tmp": str(tmp_path),
            "/srv/project": str(project),
        }.items():
            text = text.replace(there, ours)
        return text

    def environment(service: dict[str, Any]) -> dict[str, str]:
        given = {name: here(value) for name, value in service["environment"].items() if value is not None}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        image = {name: value.strip('"') for name, value in _image_environment().items()}
        return {
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "PREFECT_WORKER_WEBSERVER_PORT": str(health),
            **given,
            **image,
        }

    def start(name: str, *more: str, folder: Path) -> None:
        """Start a service, and wait until it is healthy."""
        service, silent = SERVICES[name], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [*map(here, service["command"]), *more]
        running.append(psutil.Popen(command, cwd=folder, env=environment(service), **silent))
        kind, *check = map(here, service["healthcheck"]["test"])
        assert kind == "CMD"
        deadline = time.monotonic() + 240
        while subprocess.run(check, env=environment(service), capture_output=True).returncode:
            assert running[-1].poll() is None and time.monotonic() < deadline, name
            time.sleep(1)

    with postgres.running(database):
        try:
            start("server", "--port", str(port), folder=tmp_path)
            api = f"http://127.0.0.1:{port}/api"
            assert httpx.get(f"{api}/admin/version").status_code == 401
            assert httpx.post(f"{api}/flows/count", auth=("mgm", "secret"), json={}).status_code == 403, (
                "no token"
            )
            deploy = SERVICES["deploy"]
            done = subprocess.run(
                list(map(here, deploy["command"])),
                cwd=project,
                env=environment(deploy),
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0 and "maintain-tables/maintain-tables" in done.stdout, done.stderr
            start("worker", folder=project)
        finally:
            for service in running[::-1]:
                for process in [*service.children(recursive=True), service]:
                    process.kill()
                service.wait(30)


def _image_environment() -> dict[str, str]:
    pairs = [
        pair.partition("=") for argument in of("ENV", STEPS[len(BUILD) :]) for pair in shlex.split(argument)
    ]
    return {name: value for name, _, value in pairs if name != "PATH"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
