"""The settings of the gates."""

from mgm.settings.core import CoreSettings
from mgm.settings.gates import GateSettings


class GatingSettings(CoreSettings):
    """The settings of the gates."""

    gates: GateSettings = GateSettings()
