"""The generation tasks of the enabled corpora, trained alone in a project below data/generation: `mgm generate`.

It is the stage graph of dvc.yaml in another folder, whose params.yaml has the settings
of `run_generation`, such as a separate budget; stages that have run before are not run again.
"""

import sys

if __name__ == "__main__":  # before all else: the command imports this module by its name
    from flows.cli import main

    sys.exit(main(["generate", *sys.argv[1:]]))

# isort: split
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch

from flows.dvc_command import dvc_repro
from flows.generation_outlook import lines_before
from flows.project import DATA
from mgm.settings.names import overridden
from mgm.settings.settings import PARAMS, Settings
from mgm.settings.yaml_file import dump_yaml, load_yaml
from mgm.tasks import tasks_of
from mgm.training.precision import has_bf16

FOLDER = DATA / "generation"
CODE = (
    "mgm",
    "flows",
    "suites",
    "dvc.yaml",
    ".dvcignore",
    "data/resources",
    "data/corrections",
    "data/teachers",
    "data/encoders",
)
"""What the stages read beside data and settings. A project that `mgm init` made has suites and no code, a clone the contrary."""


_DVC = (sys.executable, "-m", "dvc")


def run_generation() -> None:
    """Write the project, say what to expect of its training, and bring its stages up to date.

    Raises:
        ValueError: the settings are wrong, or no enabled corpus has a generation task.
        ChildProcessError: a stage failed.
    """
    params = project_params(load_yaml(PARAMS.read_text(encoding="utf-8")))
    materialize_project(Path(), FOLDER, params=params)
    print(*lines_before(FOLDER, Settings.parse(params).train), sep="\n", flush=True)
    dvc_repro(folder=FOLDER)


def project_params(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the params.yaml of that project, from the content of this one's.

    Training is in bf16 on a CPU that has it: matrix products are most of the time that training on texts takes.

    Raises:
        ValueError: the settings are wrong, or no enabled corpus has a generation task.
    """
    settings = Settings.parse(overridden(raw, {"train.generation": True}))
    generating = [t for t in tasks_of(settings.tasks, settings.enabled) if t.spec.generates_text]
    if not generating:
        raise ValueError(f"{PARAMS}: no enabled corpus has a generation task; enable one, such as help")
    corpora = {corpus for task in generating for corpus in task.corpora}
    names = {task.name for task in generating}
    params = overridden(raw, settings.run_generation)
    params["enabled"] = {name: place for name, place in raw["enabled"].items() if name in corpora}
    params["tasks"] = {name: task for name, task in raw["tasks"].items() if name in names}
    params["train"] = params.get("train", {}) | {"generation": True, "weights": {}}
    if has_bf16(torch.device("cpu")) and "train.precision" not in settings.run_generation:
        params["train"]["precision"] = "bf16"
    params["verdict"] = params.get("verdict", {}) | {"floors": {}}
    params["distillation"] = params.get("distillation", {}) | {"teachers": {}}
    params["tune"] = params.get("tune", {}) | {"space": {}}
    params["gates"] = params.get("gates", {}) | {
        "tasks": _known(params.get("gates", {}).get("tasks", {}), names)
    }
    params["corpora"] = {
        name: (corpus or {}) | {"columns": _known((corpus or {}).get("columns", {}), names)}
        for name, corpus in raw.get("corpora", {}).items()
        if name in corpora
    }
    Settings.parse(params)
    return params


def materialize_project(root: Path, folder: Path, *, params: dict[str, Any]) -> None:
    """Write the project's code, its settings and the corpora's files into `folder`; the outputs of stages there stay."""
    for name in CODE:
        source, target = root / name, folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for place in params["enabled"].values():
        source = root / place
        if source.exists() and not os.path.isabs(place):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, folder / place, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, folder / place)
    (folder / PARAMS).write_text(dump_yaml(params), encoding="utf-8")
    if not (folder / ".dvc").is_dir():
        subprocess.run([*_DVC, "init", "--no-scm", "--quiet"], cwd=folder, check=True)
        subprocess.run([*_DVC, "config", "core.analytics", "false"], cwd=folder, check=True)


def _known(entries: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name in names}
