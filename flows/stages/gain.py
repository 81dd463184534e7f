"""Stage of the study: data/predictions + data/study -> reports/study/gain.json."""

import logging
from pathlib import Path

from flows.stages.command_line import run_stage
from mgm.evaluation.run_files import RunFiles
from mgm.experiments.gain import GAIN, compare_variants, gain_lines
from mgm.files import write_json
from mgm.settings.views.study import StudySettings

_logger = logging.getLogger(__name__)


def main() -> None:
    """Compare the joint model with every variant that was trained on the present features and settings."""
    settings = StudySettings.load()
    content = compare_variants(
        RunFiles(Path(), settings), resamples=settings.evaluate.bootstrap, seed=settings.seed
    )
    write_json(Path(*GAIN), content)
    _logger.info("\n".join(gain_lines(content)))


if __name__ == "__main__":
    run_stage(main)
