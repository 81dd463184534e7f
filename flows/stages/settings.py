"""Stage: params.yaml -> the installed version, and all settings with their defaults. `python -m flows.stages.settings`.

It is a stage only where `mgm init` has made the project (flows/project_template.py).
"""

import logging
import subprocess

from flows.resolved_settings import write_resolved_settings
from flows.stages.command_line import run_stage

_logger = logging.getLogger(__name__)


def main() -> None:
    """Write the settings that all other stages read theirs from.

    Raises:
        ValueError: Git has no commit here, without which the log of training fails after everything else has run.
    """
    if _succeeds("rev-parse", "--is-inside-work-tree") and not _succeeds("rev-parse", "--verify", "HEAD"):
        raise ValueError("the Git repository has no commit; expected one: `git add . && git commit -m start`")
    _logger.info(write_resolved_settings())


def _succeeds(*arguments: str) -> bool:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:  # no Git, and no need of it
        return False


if __name__ == "__main__":
    run_stage(main)
