"""The kinds of tasks, one module a kind, and the registry that every room's registry of implementations is keyed by."""

from mgm.tasks.kinds.classification import CLASSIFICATION
from mgm.tasks.kinds.generation import GENERATION
from mgm.tasks.kinds.kind import TaskKind
from mgm.tasks.kinds.multilabel import MULTILABEL
from mgm.tasks.kinds.registry import KindRegistry
from mgm.tasks.kinds.regression import REGRESSION
from mgm.tasks.kinds.tagging import SPAN, TAGGING

TASK_KINDS: KindRegistry[TaskKind] = KindRegistry("kind of task")
for _kind in (CLASSIFICATION, MULTILABEL, REGRESSION, TAGGING, GENERATION):
    TASK_KINDS.register(_kind.name, _kind)

__all__ = [
    "CLASSIFICATION",
    "GENERATION",
    "MULTILABEL",
    "REGRESSION",
    "SPAN",
    "TAGGING",
    "TASK_KINDS",
    "KindRegistry",
    "TaskKind",
]
