"""Explanations of the predictions of each kind of task, one module a kind.

A kind that is registered in none of them is not explained: the examples of generated text show what it copied and
attended to (mgm/evaluation/generation_examples.py).
"""

from mgm.evaluation.explanations.kinds.classification import ClassificationExplanation
from mgm.evaluation.explanations.kinds.multilabel import MultilabelExplanation
from mgm.evaluation.explanations.kinds.regression import RegressionExplanation
from mgm.evaluation.explanations.kinds.tagging import TaggingExplanation
from mgm.evaluation.explanations.kinds.task_explanation import TaskExplanation
from mgm.tasks import KindRegistry, Task
from mgm.tasks.kinds import CLASSIFICATION, MULTILABEL, REGRESSION, TAGGING

TASK_EXPLANATIONS: KindRegistry[TaskExplanation] = KindRegistry("explanation")
TASK_EXPLANATIONS.register(CLASSIFICATION.name, ClassificationExplanation())
TASK_EXPLANATIONS.register(MULTILABEL.name, MultilabelExplanation())
TASK_EXPLANATIONS.register(REGRESSION.name, RegressionExplanation())
TASK_EXPLANATIONS.register(TAGGING.name, TaggingExplanation())


def explanation_of(task: Task) -> TaskExplanation:
    """Return the explanation of a task's kind."""
    return TASK_EXPLANATIONS[task.kind]


__all__ = ["TASK_EXPLANATIONS", "TaskExplanation", "explanation_of"]
