"""Stage: params.yaml -> the installed version, and all settings with their defaults. `python -m flows.stages.settings`.

It is a stage only where `mgm init` has made the project (flows/project_template.py).
"""

import logging

from flows.resolved_settings import write_resolved_settings
from flows.stages.command_line import run_stage

_logger = logging.getLogger(__name__)


def main() -> None:
    """Write the settings that all other stages read theirs from."""
    _logger.info(write_resolved_settings())


if __name__ == "__main__":
    run_stage(main)
