"""Training of each kind of task, one module a kind."""

from mgm.tasks.kinds import CLASSIFICATION, GENERATION, MULTILABEL, REGRESSION, TAGGING, KindRegistry
from mgm.training.kinds.base import Pair, TaskTraining
from mgm.training.kinds.classification import ClassificationTraining
from mgm.training.kinds.generation import GenerationTraining
from mgm.training.kinds.multilabel import MultilabelTraining
from mgm.training.kinds.regression import RegressionTraining
from mgm.training.kinds.tagging import TaggingTraining

TASK_TRAINING: KindRegistry[TaskTraining] = KindRegistry("training")
TASK_TRAINING.register(CLASSIFICATION.name, ClassificationTraining())
TASK_TRAINING.register(MULTILABEL.name, MultilabelTraining())
TASK_TRAINING.register(REGRESSION.name, RegressionTraining())
TASK_TRAINING.register(TAGGING.name, TaggingTraining())
TASK_TRAINING.register(GENERATION.name, GenerationTraining())

__all__ = ["TASK_TRAINING", "Pair", "TaskTraining"]
