"""Acquisition functions of each kind of task, one module a kind.

A kind that is registered in none of them has nothing to rank its documents by: tasks that generate text.
"""

from mgm.active_learning.kinds.acquisition import LABEL, TaskAcquisition
from mgm.active_learning.kinds.classification import ClassificationAcquisition
from mgm.active_learning.kinds.multilabel import MultilabelAcquisition
from mgm.active_learning.kinds.regression import RegressionAcquisition
from mgm.active_learning.kinds.tagging import TaggingAcquisition
from mgm.tasks import KindRegistry
from mgm.tasks.kinds import CLASSIFICATION, MULTILABEL, REGRESSION, TAGGING

TASK_ACQUISITIONS: KindRegistry[TaskAcquisition] = KindRegistry("acquisition functions")
TASK_ACQUISITIONS.register(CLASSIFICATION.name, ClassificationAcquisition())
TASK_ACQUISITIONS.register(MULTILABEL.name, MultilabelAcquisition())
TASK_ACQUISITIONS.register(REGRESSION.name, RegressionAcquisition())
TASK_ACQUISITIONS.register(TAGGING.name, TaggingAcquisition())

__all__ = ["LABEL", "TASK_ACQUISITIONS", "TaskAcquisition"]
