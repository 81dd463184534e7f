"""DVC's own command line, faster in three ways; `mgm` runs it where stages run.

Stages are forked from a process that has imported their code (flows/warm_stages.py).

Only the changed stages of dvc.lock are written anew: DVC reads and writes all of it after each stage, by a YAML library in Python. In a
file of twenty thousand lines, which the code that forty stages depend on makes it, that took longer than most stages. Here the text of
the other stages stays, so that the bytes are those that DVC would write.

params.yaml is parsed once, and not for every stage that has parameters in it.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Literal

if __name__ == "__main__":  # run by its path, in any folder
    sys.path.insert(0, str(Path(__file__).parents[1]))

# isort: split
from dvc import dvcfile
from dvc.cli import main
from dvc.stage import run
from dvc.stage.exceptions import StageCmdFailedError
from dvc.utils.serialize import _yaml, dumps_yaml, modify_yaml, parse_yaml

from flows import supervision
from flows.warm_stages import WarmProcess, parse_command

_HEAD = "schema: '2.0'\nstages:\n"
_STAGE = re.compile(r"^  (?=[^ \n])", re.MULTILINE)
_OTHER_KEY = re.compile(r"^[^ \n]", re.MULTILINE)

_last: dict[Path, tuple[str, dict[str, Any]]] = {}
"""The text of a dvc.lock as this process wrote it, and its content."""


@contextmanager
def modify_lock(path: str, fs: Any = None) -> Iterator[dict[str, Any]]:
    """Yield the content of dvc.lock, and write what the context makes of it; any other file is left to DVC."""
    file = Path(path)
    text = file.read_text(encoding="utf-8") if file.name == dvcfile.LOCK_FILE and file.is_file() else ""
    stages = text.removeprefix(_HEAD)
    if stages == text or _OTHER_KEY.search(stages):
        with modify_yaml(path, fs=fs) as content:
            yield content
        return
    last_text, lock = _last.get(file, ("", {}))
    if last_text != text:
        lock = parse_yaml(text, path)
    before = dict(lock["stages"])
    yield lock
    blocks = dict(zip(before, (f"  {block}" for block in _STAGE.split(stages)[1:]), strict=True))
    blocks |= {
        name: dumps_yaml({"stages": {name: stage}}).removeprefix("stages:\n")
        for name, stage in lock["stages"].items()
        if stage is not before.get(name)
    }
    text = _HEAD + "".join(blocks.values())
    file.write_text(text, encoding="utf-8")
    _last[file] = text, lock


@cache
def _parse(text: str, path: str, *, typ: Literal["rt", "safe", "unsafe"]) -> Any:
    return parse_yaml(text, path, typ=typ)


def parse_yaml_once(text: str, path: str, *, typ: Literal["rt", "safe", "unsafe"] = "safe") -> Any:
    """Return the content of a YAML file, as DVC parses it; a text that was parsed before is copied."""
    return deepcopy(_parse(text, path, typ=typ))


def run_warm(warm: WarmProcess) -> Callable[..., None]:
    """Return the function that runs a command in place of DVC's: forked if it is a stage, else as DVC does."""
    run_cold = run._run

    def run_command(executable: str | None, cmd: str, **options: Any) -> None:
        stage = parse_command(cmd)
        if stage is None or not warm.can_run(options["cwd"]):
            run_cold(executable, cmd, **options)
            return
        # the stage watches this process, too, and not only the one that it is forked from
        environment = {supervision.RUNNER: str(os.getpid())} | options["env"]
        # Ctrl-C ends the stage, which ends this
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            status = warm.run(stage, environment)
        finally:
            signal.signal(signal.SIGINT, interrupt)
        if status:
            raise StageCmdFailedError(cmd, status)

    return run_command


if __name__ == "__main__":
    dvcfile.modify_yaml = modify_lock
    _yaml.parse_yaml = parse_yaml_once
    with closing(WarmProcess(Path.cwd())) as warm_process:
        run._run = run_warm(warm_process)
        status = main()
    sys.exit(status)
