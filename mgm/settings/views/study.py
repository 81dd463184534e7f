"""The settings of a study of variants."""

from mgm.settings.views.evaluation import EvaluationSettings
from mgm.settings.views.training import TrainingSettings


class StudySettings(TrainingSettings, EvaluationSettings):
    """The settings of a study: trainings, and how they are compared."""
