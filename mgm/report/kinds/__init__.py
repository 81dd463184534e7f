"""Presentation of tasks in the report and the card, one module a kind."""

from mgm.report.kinds.classification import CLASSIFICATION
from mgm.report.kinds.generation import GENERATION
from mgm.report.kinds.multilabel import MULTILABEL
from mgm.report.kinds.presentation import TaskPresentation
from mgm.report.kinds.regression import REGRESSION
from mgm.report.kinds.tagging import TAGGING
from mgm.tasks import KindRegistry
from mgm.tasks import kinds as kinds_of_tasks

TASK_PRESENTATIONS: KindRegistry[TaskPresentation] = KindRegistry("presentation in the report")
for _kind, _presentation in (
    (kinds_of_tasks.CLASSIFICATION, CLASSIFICATION),
    (kinds_of_tasks.MULTILABEL, MULTILABEL),
    (kinds_of_tasks.REGRESSION, REGRESSION),
    (kinds_of_tasks.TAGGING, TAGGING),
    (kinds_of_tasks.GENERATION, GENERATION),
):
    TASK_PRESENTATIONS.register(_kind.name, _presentation)

__all__ = ["TASK_PRESENTATIONS", "TaskPresentation"]
