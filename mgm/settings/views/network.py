"""The settings of text and model."""

from mgm.settings.model import ModelSettings
from mgm.settings.views.text_pipeline import TextPipelineSettings


class NetworkSettings(TextPipelineSettings):
    """The settings of text and model, which decide the shape of the network."""

    model: ModelSettings = ModelSettings()
