"""The settings of a night's scoring."""

from typing import Any

from mgm.settings.names import check_name
from mgm.settings.scoring import ScoreSettings
from mgm.settings.views.gating import GatingSettings


class ScoringSettings(GatingSettings):
    """The settings of a night's scoring and of the gate before it."""

    score: ScoreSettings = ScoreSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        if self.score.tasks != "all":
            for name in self.score.tasks:
                check_name(name, self.tasks, where=f"{where}: score.tasks: {name!r}", role="task")
