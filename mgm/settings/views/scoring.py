"""The settings of a night's scoring."""

from mgm.settings.scoring import ScoreSettings, StorageSettings
from mgm.settings.views.gating import GatingSettings


class ScoringSettings(GatingSettings):
    """The settings of a night's scoring and of the gate before it."""

    score: ScoreSettings = ScoreSettings()
    storage: StorageSettings = StorageSettings()
