"""Prediction heads: one module a kind of task, with all that the model does for it."""

from mgm.model.heads.classification import ClassificationHead
from mgm.model.heads.generation import GenerationHead
from mgm.model.heads.head import HEADS, Decoded, Head, Tagged
from mgm.model.heads.multilabel import MultilabelHead
from mgm.model.heads.outcome import Outcome, Tags, Texts
from mgm.model.heads.regression import RegressionHead
from mgm.model.heads.tagging import TaggingHead
from mgm.tasks.kinds import CLASSIFICATION, GENERATION, MULTILABEL, REGRESSION, TAGGING

HEADS.register(CLASSIFICATION.name, ClassificationHead)
HEADS.register(MULTILABEL.name, MultilabelHead)
HEADS.register(REGRESSION.name, RegressionHead)
HEADS.register(TAGGING.name, TaggingHead)
HEADS.register(GENERATION.name, GenerationHead)

__all__ = [
    "HEADS",
    "ClassificationHead",
    "Decoded",
    "GenerationHead",
    "Head",
    "MultilabelHead",
    "Outcome",
    "RegressionHead",
    "Tagged",
    "TaggingHead",
    "Tags",
    "Texts",
]
