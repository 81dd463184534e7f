"""The settings of explanations."""

from mgm.settings.core import CoreSettings
from mgm.settings.evaluation import ExplainSettings


class ExplanationSettings(CoreSettings):
    """The settings of explanations."""

    explain: ExplainSettings = ExplainSettings()
