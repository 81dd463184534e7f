"""The rules of labels, one module a kind of task."""

from mgm.corpus.kinds import classification, generation, multilabel, regression, tagging
from mgm.corpus.kinds.label_rules import LABEL_RULES, LabelRules, Suggestion

__all__ = [
    "LABEL_RULES",
    "LabelRules",
    "Suggestion",
    "classification",
    "generation",
    "multilabel",
    "regression",
    "tagging",
]
