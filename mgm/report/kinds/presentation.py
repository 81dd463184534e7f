"""The words and tables in which the kinds of tasks differ on the page and in the card."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class TaskPresentation:
    """The presentation of tasks of one kind. The defaults fit a kind with one label a document."""

    first_metric: str
    """The name of the kind's first metric, as the card spells it."""
    answer: str = ""
    """A noun for the predicted value where there are no labels to count, as in "a number"."""
    baselines: Mapping[str, str] = field(default_factory=lambda: {"majority": "the majority"})
    """The names of the baselines, by `against` of reports/metrics.json."""
    metrics_note: str = ""
    """A sentence below the table of metrics."""
    calibrated_items: str = "documents"
    """The unit in which calibration counts."""
    predicted_items: str = "documents"
    """The unit in which coverage counts."""
    has_independent_scores: bool = False
    """Whether labels have independent scores, for which a temperature does not show whether scores are overconfident."""
    has_overlaps: bool = False
    """Whether the table of labels counts overlaps too."""
    matrix_note: str = ""
    """A sentence below the matrix of confusions."""
    actual_heading: str = "labelled"
    predicted_heading: str = "predicted"
    """The words before the two labels of a confusion."""
    suggestion_heading: str = "predicted"
    """The words before the label that is suggested in place of a doubtful one."""
    errors_heading: str = "Most confident errors"
    explained_errors: str = "the most confident errors"
    score_heading: str = "score"
    """The word before the score of an error or of an explained prediction."""
    contribution_unit: str = ""
    """The unit of the words' contributions to a prediction; empty: that of the prediction."""
