"""A copy of the project in a folder of its own, with two tiny corpora, in a real Git and DVC repository."""

import compileall
import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tiny_corpora

ROOT = Path(__file__).parents[2]
CODE = [
    "mgm",
    "flows",
    "study",
    "data/resources",
    "data/corrections/README.md",
    "data/teachers/README.md",
    "data/encoders/README.md",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
]
GRAPHS = ("dvc.yaml", "study/dvc.yaml")
# A stage keeps the module of its command alone, since DVC writes all dependencies of all stages anew after each stage: with the
# modules that they import, that takes longer than the stages do.
MODULES = re.compile(r"^ *- (?:mgm|flows/(?!stages/))\S+\.py\n", re.MULTILINE)


@dataclass
class Project:
    """A project folder, and the folder with the commands that run in it."""

    root: Path
    commands: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in the project as a user with its environment activated."""
        path = os.pathsep.join([str(self.commands), str(Path(sys.executable).parent), os.environ["PATH"]])
        # without Prefect's settings of this process, so that its database lies in the project
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        env = kept | {"PATH": path, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, timeout=1200)

    def ok(self, *command: str) -> str:
        """Runs a command that must succeed; returns what it printed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def fails(self, *command: str) -> str:
        """Runs a command that must fail; returns what it printed."""
        done = self.run(*command)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def commit(self, message: str) -> None:
        """Commits everything to Git."""
        self.ok("git", "add", "--all")
        self.ok(
            "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", message
        )

    @property
    def params(self) -> dict[str, Any]:
        return yaml.safe_load((self.root / "params.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Changes params.yaml."""
        params = self.params
        change(params)
        (self.root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")

    def copy_to(self, target: Path) -> "Project":
        shutil.copytree(self.root, target, symlinks=True)
        return Project(target, self.commands)


SharedFolder = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def fresh(shared_folder: SharedFolder, commands: Path) -> Project:
    """The project before its first run."""
    return Project(shared_folder("fresh", lambda root: _lay(Project(root, commands))), commands)


@pytest.fixture(scope="session")
def built(shared_folder: SharedFolder, fresh: Project, commands: Path) -> Project:
    """The project after one `mgm run`."""
    return Project(shared_folder("built", lambda root: fresh.copy_to(root).ok("mgm", "run")), commands)


def _lay(project: Project) -> None:
    """Fills the project's folder."""
    root = project.root
    root.mkdir()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "dvc.lock"))
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / name)
    for name in GRAPHS:
        (root / name).write_text(MODULES.sub("", (root / name).read_text(encoding="utf-8")), encoding="utf-8")
    params = copy.deepcopy(tiny_corpora.SETTINGS)
    params["enabled"] = {name: f"raw/{name}.jsonl" for name in params["enabled"]}
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    # DVC wants every section that a stage names.
    sections = ("seed", "ingest", "gates", "pretrain", "distillation", "evaluate", "explain", "score")
    params = {k: shipped[k] for k in sections} | params
    params["gates"]["tasks"] = {}  # those of the shipped corpora
    params["verdict"] = {"floors": {"dish": 0.1}, "smoke_documents": 8, "smoke_repeats": 1}
    # The tiny texts repeat, and each repetition counts in the tests.
    alone = {"deduplication": {"exact": "off", "near": "off"}}
    params["text"] = shipped["text"] | alone | params["text"]
    params["train"] |= {"generation": False, "init_from": "random", "epochs": 2, "tokens_per_batch": 240}
    params["evaluate"] = {"splits": ["valid", "test"], "bootstrap": 50}
    params["explain"] = {
        "documents": 20,
        "bootstrap": 20,
        "faithfulness": 1,
        "cost_documents": 2,
        "steps": 4,
        "max_steps": 8,
    }
    (root / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    (root / "raw").mkdir()
    tiny_corpora.menus(120).write_ndjson(root / "raw/menus.jsonl")
    tiny_corpora.verses(120).write_ndjson(root / "raw/verses.jsonl")
    for name in ("mgm", "flows"):
        compileall.compile_dir(root / name, quiet=1)  # once, rather than in each copy of the project
    project.ok("git", "init", "--quiet")
    project.ok("dvc", "init", "--quiet")
    project.ok("dvc", "config", "core.analytics", "false")
    project.commit("start")
