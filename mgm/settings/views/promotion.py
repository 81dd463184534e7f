"""The settings of the verdict on a candidate."""

from mgm.settings.evaluation import VerdictSettings
from mgm.settings.views.evaluation import EvaluationSettings


class PromotionSettings(EvaluationSettings):
    """The settings of the verdict on a candidate, which resamples as evaluation does."""

    verdict: VerdictSettings = VerdictSettings()
