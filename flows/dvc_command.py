"""DVC as a child process: the DVC of this Python, whatever is first on PATH, with its output on stderr."""

import os
import subprocess
import sys
from pathlib import Path

from flows import logs, supervision
from flows.graph import REPRO_DVC, use_own_python
from flows.stage_names import check_names_of_parts
from flows.store_encryption import set_remotes

_STDERR = 2
_INTERRUPTED = 252  # DVC's exit code after Ctrl-C
_FLAGS = {"DEBUG": ["--verbose"], "WARNING": ["--quiet"]}


def dvc_repro(*arguments: str, folder: Path = Path()) -> None:
    """Run `dvc repro` in a folder. `mgm -q` and `mgm -v` are DVC's `--quiet` and `--verbose`.

    Args:
        arguments: stages and options of `dvc repro`; no stage: all of dvc.yaml.

    Raises:
        ValueError: a corpus has a name that no stage can have.
        ChildProcessError: it ended with an error, which is on stderr.
        KeyboardInterrupt: the user interrupted it, and it has ended.
    """
    check_names_of_parts(folder)
    set_remotes()
    use_own_python()
    command = [
        sys.executable,
        *REPRO_DVC,
        "repro",
        *_FLAGS.get(os.environ.get(logs.LEVEL, ""), []),
    ]
    # the stages end with this process, as they do with DVC
    environment = os.environ | {supervision.RUNNER: str(os.getpid())}
    with subprocess.Popen([*command, *arguments], cwd=folder, env=environment, stdout=_STDERR) as process:
        interrupted = False
        while process.poll() is None:
            try:
                process.wait()
            except KeyboardInterrupt:  # the terminal has sent it to DVC and its stage, too, which are ending
                interrupted = True
        status = process.returncode
    if interrupted or status == _INTERRUPTED:
        raise KeyboardInterrupt
    if status:
        raise ChildProcessError(
            "dvc repro: failed for the reason above; the same command continues from there"
        )
