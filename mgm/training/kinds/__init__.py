"""What training does for each kind of task, one module a kind."""

from mgm.tasks.kinds import KindRegistry
from mgm.training.kinds.base import Pair, TaskTraining
from mgm.training.kinds.classification import ClassificationTraining
from mgm.training.kinds.generation import GenerationTraining
from mgm.training.kinds.multilabel import MultilabelTraining
from mgm.training.kinds.regression import RegressionTraining
from mgm.training.kinds.tagging import TaggingTraining

TASK_TRAINING: KindRegistry[TaskTraining] = KindRegistry("training")
TASK_TRAINING.register("classification", ClassificationTraining())
TASK_TRAINING.register("multilabel", MultilabelTraining())
TASK_TRAINING.register("regression", RegressionTraining())
TASK_TRAINING.register("tagging", TaggingTraining())
TASK_TRAINING.register("generation", GenerationTraining())

__all__ = ["TASK_TRAINING", "Pair", "TaskTraining"]
