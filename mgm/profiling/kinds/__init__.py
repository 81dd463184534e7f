"""Profiles of the labels of a task, one module a kind. Tasks that generate text are not profiled."""

from mgm.profiling.kinds import (  # noqa: F401  importing a kind registers it
    classification,
    multilabel,
    regression,
    tagging,
)
from mgm.profiling.kinds.label_profile import LABEL_PROFILES, LabelProfile

__all__ = ["LABEL_PROFILES", "LabelProfile"]
