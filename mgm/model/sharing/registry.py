"""The sharing that the settings name."""

from mgm.model.sharing.cascade import CascadeSharing
from mgm.model.sharing.hard import HardSharing
from mgm.model.sharing.mmoe import MmoeSharing
from mgm.model.sharing.ple import PleSharing
from mgm.model.sharing.sharing import Sharing
from mgm.settings.model import ModelSettings
from mgm.tasks import Task

SHARINGS: dict[str, type[Sharing]] = {
    "hard": HardSharing,
    "cascade": CascadeSharing,
    "mmoe": MmoeSharing,
    "ple": PleSharing,
}


def build_sharing(tasks: list[Task], word_width: int, settings: ModelSettings) -> Sharing:
    """Between an encoder whose words have this width (0: none) and the heads."""
    return SHARINGS[settings.sharing](tasks, settings.fusion_width, word_width, settings)
