"""The sharing that the settings name: hard sharing, or an optional method."""

from mgm.model.sharing.hard import HardSharing
from mgm.model.sharing.sharing import Sharing
from mgm.optional_methods import load_method
from mgm.settings.model import ModelSettings
from mgm.tasks import Task


def build_sharing(tasks: list[Task], word_width: int, *, settings: ModelSettings) -> Sharing:
    """Return the sharing between an encoder whose words have this width (0: none) and the heads."""
    if settings.sharing == "hard":
        return HardSharing(tasks, settings.fusion_width, word_width=word_width, settings=settings)
    sharing: Sharing = load_method("sharing", settings.sharing)(
        tasks, settings.fusion_width, word_width=word_width, settings=settings
    )
    return sharing
