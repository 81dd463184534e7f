"""The settings of the gates."""

from typing import Any

from mgm.settings.core import CoreSettings
from mgm.settings.gates import GateSettings
from mgm.settings.names import check_name


class GatingSettings(CoreSettings):
    """The settings of the gates."""

    gates: GateSettings = GateSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        for name in self.gates.tasks:
            check_name(name, self.tasks, where=f"{where}: gates.tasks.{name}", role="task")
