"""The settings of the verdict on a candidate."""

from typing import Any

from mgm.settings.evaluation import VerdictSettings
from mgm.settings.names import check_name
from mgm.settings.views.evaluation import EvaluationSettings


class PromotionSettings(EvaluationSettings):
    """The settings of the verdict on a candidate, which resamples as evaluation does."""

    verdict: VerdictSettings = VerdictSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        for name in self.verdict.floors:
            check_name(name, self.tasks, where=f"{where}: verdict.floors.{name}", role="task")
