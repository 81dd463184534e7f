"""The settings of where stages are worked on."""

from mgm.settings.compute import ComputeSettings
from mgm.settings.core import CoreSettings


class ComputingSettings(CoreSettings):
    """The settings of where stages are worked on, which no result depends on."""

    compute: ComputeSettings = ComputeSettings()
