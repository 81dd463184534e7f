"""The stage graph of dvc.yaml, as DVC itself reads it, and how one of its stages is run."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows import processes

DVC_YAML = "dvc.yaml"
TAIL_LINES = 30

# What DVC says after every stage about git and remotes; in the log of thirty stages it hides the stages' own lines.
_HINTS = (
    "To track the changes with git",
    "git add ",
    "To enable auto staging",
    "dvc config core.autostage",
    "Use `dvc push`",
)


class StageFailed(RuntimeError):
    """A stage ended with an error. The message names the stage and holds the last lines of its output."""


@dataclass(frozen=True)
class StageRun:
    """A stage that ended well: `ran` is False where DVC found nothing to do."""

    name: str
    seconds: float
    ran: bool


def stage_graph(root: Path = Path()) -> dict[str, list[str]]:
    """Every stage of `root`'s own dvc.yaml with the stages that it needs, named as DVC does (`ingest@help`).

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


def run_stage(name: str, root: Path = Path(), log: Callable[[str], None] = print) -> StageRun:
    """Brings one stage up to date with DVC, its upstream stages being so. Its output goes to `log`, line by line.

    Raises:
        StageFailed: the stage, or DVC, ended with an error.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    ran = False

    def on_line(line: str) -> None:
        nonlocal ran
        ran = ran or line.startswith("Running stage ")
        if line and not line.strip().startswith(_HINTS):
            tail.append(line)
            log(line)

    started = time.monotonic()
    # Without --wait-for-lock stages with big outs that end together fail on DVC's own lock.
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name]
    status = processes.run(command, root, on_line)
    seconds = time.monotonic() - started
    if status != 0:
        ended = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        lines = "\n".join(f"    {line}" for line in tail)
        raise StageFailed(
            f"stage {name} failed after {seconds:.1f} s ({ended}); the end of its output:\n{lines}"
        )
    return StageRun(name, seconds, ran)


def use_own_python() -> None:
    """Puts this interpreter's folder first on PATH: the commands in dvc.yaml say `python` and mean this one."""
    folder = str(Path(sys.executable).parent)
    parts = os.environ.get("PATH", "").split(os.pathsep)
    if parts[0] != folder:
        os.environ["PATH"] = os.pathsep.join([folder, *parts])
