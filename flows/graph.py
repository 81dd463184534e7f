"""The stage graph of dvc.yaml as DVC itself reads it: its stages, whether they are up to date, and a run of one of them."""

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows import processes
from flows.errors import CommandFailed
from flows.project import RESOLVED_SETTINGS
from flows.resolved_settings import write_resolved_settings

DVC_YAML = "dvc.yaml"
REPRO_DVC = ("-P", str(Path(__file__).with_name("dvc_process.py")))
"""The arguments with which Python runs stages: DVC, with a faster dvc.lock. By its path, which holds in any folder."""
TAIL_LINES = 30
TRAINING_INPUTS = ("vectors", "encode", "pretrain", "teachers", "gate_features")
"""The stages that must have ended well before anything is trained."""

# DVC's hints about git and remotes after every stage, which would hide the stages' own lines in a log of thirty stages.
_HINTS = (
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
    "Use `dvc push`",
)

_ALWAYS_CHANGED = "always changed"
"""What DVC says of a stage with `always_changed`."""


class StageFailed(CommandFailed):
    """A stage ended with an error. The message names the stage and holds the last lines of its output."""


@dataclass(frozen=True)
class StageRun:
    """A stage that ended well."""

    name: str
    seconds: float
    was_run: bool
    """Whether the stage ran; False: it was up to date."""


def stage_graph(root: Path = Path()) -> dict[str, list[str]]:
    """Return every stage of `root`'s own dvc.yaml with the stages that it needs, named as DVC does (`ingest@help`).

    Stages are in the order of the file, upstream stages sorted by name. Other dvc.yaml files are left out.

    Raises:
        FileNotFoundError: there is no dvc.yaml.
        ValueError: DVC cannot read it, or its stages form a circle.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.index import Index
    from dvc.stage import PipelineStage

    path = root / DVC_YAML
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; run from the project's folder")
    try:
        with Repo(str(root)) as repo:
            graph = Index.from_file(repo, str(path.resolve())).graph
            stages = [stage for stage in graph if isinstance(stage, PipelineStage)]
            return {
                stage.name: sorted(up.name for up in graph.successors(stage) if isinstance(up, PipelineStage))
                for stage in stages
            }
    except DvcException as error:
        raise ValueError(f"{path}: DVC cannot read the stages: {error}") from error


def changed_stages(*stages: str, with_upstream: bool = False) -> set[str]:
    """Return those of these stages that are not up to date; `with_upstream`: also of those that they need.

    A stage that runs every time counts where something else has changed, too.

    Raises:
        ValueError: DVC cannot tell.
    """
    if RESOLVED_SETTINGS.is_file():  # the installed version may be another one since the last run
        write_resolved_settings()
    command = [sys.executable, "-m", "dvc", "status", "--json", *(["--with-deps"] if with_upstream else [])]
    status = subprocess.run([*command, *stages], capture_output=True, text=True, check=False)
    if status.returncode:
        raise ValueError(
            f"DVC cannot tell whether {' and '.join(stages)} are up to date: {status.stderr.strip()}"
        )
    return {stage for stage, changes in json.loads(status.stdout).items() if changes != [_ALWAYS_CHANGED]}


def require_up_to_date(*stages: str) -> None:
    """Check that these stages, TRAINING_INPUTS if none is named, and all that they need are up to date.

    Raises:
        ValueError: one is not, or DVC cannot tell.
    """
    stages = stages or TRAINING_INPUTS
    changed = sorted(changed_stages(*stages, with_upstream=True))
    if changed:
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        raise ValueError(f"out of date, or not made yet: {shown}; run `mgm run {' '.join(stages)}`")


def run_stage(name: str, root: Path = Path(), *, log: Callable[[str], None] = print) -> StageRun:
    """Bring one stage up to date with DVC, its upstream stages being so; its output goes to `log`, line by line.

    Raises:
        StageFailed: the stage, or DVC, ended with an error.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    was_run = False

    def on_line(line: str) -> None:
        nonlocal was_run
        was_run = was_run or line.startswith("Running stage ")
        if line and not line.strip().startswith(_HINTS):
            tail.append(line)
            log(line)

    started = time.monotonic()
    # Without --wait-for-lock stages with big outs that end together fail on DVC's own lock.
    command = [sys.executable, *REPRO_DVC, "--wait-for-lock", "repro", "--single-item", name]
    status = processes.run(command, root, on_line=on_line)
    seconds = time.monotonic() - started
    if status != 0:
        ended = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        lines = "\n".join(f"    {line}" for line in tail)
        raise StageFailed(
            f"stage {name} failed after {seconds:.1f} s ({ended}); the end of its output:\n{lines}"
        )
    return StageRun(name, seconds, was_run)


def use_own_python() -> None:
    """Put this interpreter's folder first on PATH: the commands in dvc.yaml call `python`, which must be this one."""
    folder = str(Path(sys.executable).parent)
    parts = os.environ.get("PATH", "").split(os.pathsep)
    if parts[0] != folder:
        os.environ["PATH"] = os.pathsep.join([folder, *parts])
