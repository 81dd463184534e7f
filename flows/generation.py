"""The generation tasks of the enabled corpora, trained alone with a budget of their own, in a project below data/generation.
`make run-generation`, or `python -m flows.generation`.

It is the stage graph of dvc.yaml in another folder, whose params.yaml has the settings of `run_generation`; what has run before
is not run again.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from flows.project import DATA
from flows.results import result_lines
from mgm.settings.names import overridden
from mgm.settings.settings import PARAMS, Settings
from mgm.tasks import tasks_of
from mgm.training.precision import has_bf16

FOLDER = DATA / "generation"
CODE = ("mgm", "flows", "dvc.yaml", ".dvcignore", "data/resources", "data/teachers")


def main() -> int:
    """Lays the project and runs its stages; the exit code is DVC's."""
    try:
        raw = params(yaml.safe_load(PARAMS.read_text(encoding="utf-8")))
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    materialize_project(Path(), FOLDER, raw)
    code = subprocess.run(["dvc", "repro"], cwd=FOLDER, check=False).returncode
    if code == 0:
        print(*result_lines(FOLDER), f"in {FOLDER}", sep="\n")
    return code


def params(raw: dict[str, Any]) -> dict[str, Any]:
    """The params.yaml of that project, of the mapping of this one's. bf16 on a CPU that has it, whose products are what training
    texts takes.

    Raises:
        ValueError: the settings are wrong, or no enabled corpus has a generation task.
    """
    settings = Settings.parse(overridden(raw, {"train.generation": True}))
    writing = [t for t in tasks_of(settings.tasks, settings.enabled) if t.kind == "generation"]
    if not writing:
        raise ValueError(f"{PARAMS}: no enabled corpus has a generation task; enable one, such as help")
    corpora = {corpus for task in writing for corpus in task.corpora}
    names = {task.name for task in writing}
    own = overridden(raw, settings.run_generation)
    own["enabled"] = {name: place for name, place in raw["enabled"].items() if name in corpora}
    own["tasks"] = {name: task for name, task in raw["tasks"].items() if name in names}
    own["train"] = own["train"] | {"generation": True, "weights": {}}
    if has_bf16(torch.device("cpu")) and "train.precision" not in settings.run_generation:
        own["train"]["precision"] = "bf16"
    own["verdict"] = own.get("verdict", {}) | {"floors": {}}
    own["distillation"] = own.get("distillation", {}) | {"teachers": {}}
    own["tune"] = own.get("tune", {}) | {"space": {}}
    own["gates"] = own.get("gates", {}) | {"tasks": _known(own.get("gates", {}).get("tasks", {}), names)}
    own["corpora"] = {
        name: (corpus or {}) | {"columns": _known((corpus or {}).get("columns", {}), names)}
        for name, corpus in raw["corpora"].items()
        if name in corpora
    }
    Settings.parse(own)
    return own


def materialize_project(root: Path, folder: Path, own: dict[str, Any]) -> None:
    """The project's code and the corpora's files in `folder`; what stages have made there stays."""
    for name in CODE:
        source, target = root / name, folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for place in own["enabled"].values():
        source = root / place
        if source.exists() and not os.path.isabs(place):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, folder / place, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, folder / place)
    (folder / PARAMS).write_text(yaml.safe_dump(own, allow_unicode=True, sort_keys=False), encoding="utf-8")
    if not (folder / ".dvc").is_dir():
        subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)
        subprocess.run(["dvc", "config", "core.analytics", "false"], cwd=folder, check=True)


def _known(entries: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name in names}


if __name__ == "__main__":
    sys.exit(main())
