"""Evaluation of each kind of task, one module a kind: metrics, baseline, errors, confusions, confidences."""

from mgm.evaluation.kinds.classification import ClassificationEvaluation
from mgm.evaluation.kinds.generation import GenerationEvaluation
from mgm.evaluation.kinds.item_evaluation import ItemEvaluation
from mgm.evaluation.kinds.multilabel import MultilabelEvaluation
from mgm.evaluation.kinds.regression import RegressionEvaluation
from mgm.evaluation.kinds.tagging import TaggingEvaluation
from mgm.evaluation.kinds.task_evaluation import BaselinePredictor, TaskEvaluation
from mgm.tasks import KindRegistry, Task
from mgm.tasks.kinds import CLASSIFICATION, GENERATION, MULTILABEL, REGRESSION, TAGGING

TASK_EVALUATIONS: KindRegistry[TaskEvaluation] = KindRegistry("evaluation")
TASK_EVALUATIONS.register(CLASSIFICATION.name, ClassificationEvaluation())
TASK_EVALUATIONS.register(MULTILABEL.name, MultilabelEvaluation())
TASK_EVALUATIONS.register(REGRESSION.name, RegressionEvaluation())
TASK_EVALUATIONS.register(TAGGING.name, TaggingEvaluation())
TASK_EVALUATIONS.register(GENERATION.name, GenerationEvaluation())


def evaluation_of(task: Task) -> TaskEvaluation:
    """Return the evaluation of a task's kind."""
    return TASK_EVALUATIONS[task.kind]


__all__ = [
    "TASK_EVALUATIONS",
    "BaselinePredictor",
    "ClassificationEvaluation",
    "GenerationEvaluation",
    "ItemEvaluation",
    "MultilabelEvaluation",
    "RegressionEvaluation",
    "TaggingEvaluation",
    "TaskEvaluation",
    "evaluation_of",
]
