"""The settings of text and model."""

from typing import Any

from mgm.settings.model import ModelSettings
from mgm.settings.names import check_name
from mgm.settings.views.text_pipeline import TextPipelineSettings


class NetworkSettings(TextPipelineSettings):
    """The settings of text and model, which decide the shape of the network."""

    model: ModelSettings = ModelSettings()

    def _check(self, raw: dict[str, Any], where: str) -> None:
        super()._check(raw, where)
        for name in self.model.cascade.order:
            check_name(name, self.tasks, where=f"{where}: model.cascade.order: {name!r}", role="task")
