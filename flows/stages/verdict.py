"""Stage: models/candidate, its metrics and predictions, and the champion as it is now -> reports/promotion.json.

A refused candidate is no failure of this stage.
"""

import logging

from flows.candidate_validation import judge_candidate
from flows.project import PROMOTION
from flows.stages.command_line import run_stage
from mgm.files import write_json
from mgm.settings.views.promotion import PromotionSettings

_logger = logging.getLogger(__name__)


def main() -> None:
    """Judge the candidate."""
    promotion = judge_candidate(PromotionSettings.load())
    write_json(PROMOTION, promotion)
    first = f"{promotion['verdict']}: bundle {promotion['bundle'][:12]}"
    notes = [promotion["fits"]] if "fits" in promotion else []
    _logger.info("\n  ".join([first, *promotion["reasons"], *notes]))


if __name__ == "__main__":
    run_stage(main)
