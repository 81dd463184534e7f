"""The tutorial's commands, in an environment with the wheel, outside of any clone.

Most of them start with the libraries imported, as in other tests of whole pipelines; a command in the environment's own Python does not.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorials/first-project.md"
SOURCES = ("mgm", "flows", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass
class Environment:
    """A virtual environment with the wheel, which takes all other packages from that of the tests."""

    folder: Path
    commands: Path

    @property
    def packages(self) -> Path:
        """The folder of the packages that are installed in it."""
        (packages,) = self.folder.glob("lib/python*/site-packages")
        return packages

    def run(self, cwd: Path, *command: str) -> str:
        """Runs a command that must succeed, as after activating the environment; returns its stdout."""
        return self._run(cwd, *command, commands=self.folder / "bin")

    def run_warm(self, cwd: Path, *command: str) -> str:
        """As `run`, with `python`, `dvc` and `mgm` that start with the libraries imported and have this environment's packages."""
        return self._run(cwd, *command, commands=self.commands, PYTHONPATH=str(self.packages))

    @staticmethod
    def _run(cwd: Path, *command: str, commands: Path, **variables: str) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PYTHON"))}
        path = os.pathsep.join([str(commands), os.environ["PATH"]])
        done = subprocess.run(
            command,
            cwd=cwd,
            env=kept | {"PATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=1500,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the sources as they are now."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / "src" / name)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder / "src")], check=True)
    (path,) = folder.glob("mgm-*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, commands: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    options = ["--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *options, str(wheel)], check=True
    )
    environment = Environment(folder, commands)
    # A path in a .pth file does not have its own .pth files read, such as that of an editable mgm.
    own = environment.packages / "packages_of_the_tests.pth"
    own.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment


def test_the_wheel_has_all_files_and_two_top_level_names(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"mgm", "flows"}
    packaged = [
        path.relative_to(ROOT).as_posix()
        for room in ("mgm", "flows")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    documentation = [name for name in packaged if name.endswith("README.md") and "template" not in name]
    assert not set(packaged) - set(documentation) - set(names)


def blocks(language: str) -> list[str]:
    """The tutorial's blocks of code in a language, but for the installation, of which the test has its own."""
    text = TUTORIAL.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [block for block in found if "pip install" not in block]


def test_the_tutorial_as_it_stands(environment: Environment, tmp_path: Path) -> None:
    """From a CSV file to predictions, and runs only where something has changed."""
    (script,) = blocks("python")
    name = script.partition("\n")[0].removeprefix("# ")
    (tmp_path / name).write_text(script, encoding="utf-8")
    printed = environment.run_warm(tmp_path, "bash", "-euc", "\n".join(blocks("bash")))
    (shown,) = blocks("text")
    assert not [line for line in shown.splitlines()[1:] if line not in printed]  # the first has the version
    project = tmp_path / "demo"
    for run in (environment.run, environment.run_warm):
        place = run(project, "python", "-c", "import mgm; print(mgm.__file__)")
        assert place.startswith(str(environment.folder))
    assert (project / "reports/report.html").is_file()
    metrics = json.loads((project / "reports/metrics.json").read_text(encoding="utf-8"))
    assert metrics["opinion"]["macro_f1"] > 0.8

    texts = ["The curry was burnt on one side; nobody came for an hour.", "昨天晚上，饺子非常好吃，很新鲜。"]
    lines = environment.run(project, "mgm", "predict", "--json", *texts).splitlines()
    answers = [json.loads(line) for line in lines]
    assert [answer["opinion"] for answer in answers] == ["bad", "good"]
    assert "food" in answers[1]["topics"]

    before = (project / "dvc.lock").read_bytes()
    environment.run_warm(project, "mgm", "run")
    assert (project / "dvc.lock").read_bytes() == before
    assert _changed_stages(environment, project) == {"settings"}  # which always runs
    _pretend_other_version(environment)
    environment.run_warm(project, "mgm", "run", "settings")
    assert {"ingest@reviews", "train", "report"} <= _changed_stages(environment, project)


def _changed_stages(environment: Environment, project: Path) -> set[str]:
    """The stages of the default graph that are not up to date."""
    return set(json.loads(environment.run_warm(project, "dvc", "status", "--json", "dvc.yaml")))


def _pretend_other_version(environment: Environment) -> None:
    (metadata,) = environment.packages.glob("mgm-*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    metadata.write_text(re.sub(r"^Version: .*$", "Version: 99.0", text, flags=re.MULTILINE), encoding="utf-8")
