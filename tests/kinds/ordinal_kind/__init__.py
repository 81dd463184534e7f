"""A kind of task from outside the project: one of a few ordered classes a document, such as 1-poor < 2-fair < 3-good.

Importing it registers the kind in `TASK_KINDS` and in the registry of every room; where ordered classes are treated as any
others, the implementation is that of classification. The order is the alphabetical one of the names.
"""

import polars as pl

from mgm.active_learning.kinds import TASK_ACQUISITIONS
from mgm.active_learning.kinds.classification import ClassificationAcquisition
from mgm.corpus.kinds import LABEL_RULES
from mgm.corpus.kinds.classification import ClassRules
from mgm.evaluation.explanations.kinds import TASK_EXPLANATIONS
from mgm.evaluation.explanations.kinds.classification import ClassificationExplanation
from mgm.evaluation.kinds import TASK_EVALUATIONS
from mgm.model.heads import HEADS
from mgm.profiling.kinds import LABEL_PROFILES
from mgm.profiling.kinds.classification import ClassProfile
from mgm.quality.kinds import TASK_CHECKS
from mgm.quality.kinds.classification import ClassChecks
from mgm.report.kinds import TASK_PRESENTATIONS, TaskPresentation
from mgm.tasks import TASK_KINDS, TaskKind
from mgm.text.labels import LABEL_ENCODERS
from mgm.text.labels.classification import ClassEncoder
from mgm.training.kinds import TASK_TRAINING
from ordinal_kind.evaluation import OrdinalEvaluation
from ordinal_kind.head import OrdinalHead
from ordinal_kind.training import OrdinalTraining

ORDINAL = TASK_KINDS.register(
    "ordinal",
    TaskKind(
        name="ordinal",
        column_type=pl.String(),
        first_metric="accuracy",
        has_label_space=True,
        is_distillable=True,
    ),
)
LABEL_RULES.register(ORDINAL.name, ClassRules())
LABEL_ENCODERS.register(ORDINAL.name, ClassEncoder())
LABEL_PROFILES.register(ORDINAL.name, ClassProfile)
TASK_CHECKS.register(ORDINAL.name, ClassChecks)
HEADS.register(ORDINAL.name, OrdinalHead)
TASK_TRAINING.register(ORDINAL.name, OrdinalTraining())
TASK_EVALUATIONS.register(ORDINAL.name, OrdinalEvaluation())
TASK_EXPLANATIONS.register(ORDINAL.name, ClassificationExplanation())
TASK_ACQUISITIONS.register(ORDINAL.name, ClassificationAcquisition())
TASK_PRESENTATIONS.register(
    ORDINAL.name, TaskPresentation(first_metric="accuracy", contribution_unit="log odds")
)
