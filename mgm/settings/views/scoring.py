"""The settings of a night's scoring."""

from typing import Any

from mgm.settings.abstention import check_abstentions
from mgm.settings.scoring import ScoreSettings, StorageSettings
from mgm.settings.views.computing import ComputingSettings
from mgm.settings.views.gating import GatingSettings


class ScoringSettings(GatingSettings, ComputingSettings):
    """The settings of a night's scoring and of the gate before it."""

    score: ScoreSettings = ScoreSettings()
    storage: StorageSettings = StorageSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        parts = self.compute.ray.storage
        if self.storage.encryption is not None and parts is not None and parts.startswith("s3://"):
            raise ValueError(
                f"{where}: compute.ray.storage {parts!r}: storage.encryption {self.storage.encryption!r} is not asked for there; expected "
                "a bucket that encrypts by default and storage.encryption: null, or a shared folder"
            )
        check_abstentions(self.score.abstain, self.tasks, where=f"{where}: score.abstain")
