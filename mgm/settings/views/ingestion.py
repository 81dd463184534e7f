"""The settings of ingest."""

from mgm.settings.core import CoreSettings
from mgm.settings.corpora import IngestSettings


class IngestionSettings(CoreSettings):
    """The settings of ingest."""

    ingest: IngestSettings = IngestSettings()
