"""The settings of evaluation."""

from mgm.settings.core import CoreSettings
from mgm.settings.evaluation import EvaluateSettings


class EvaluationSettings(CoreSettings):
    """The settings of evaluation."""

    evaluate: EvaluateSettings = EvaluateSettings()
