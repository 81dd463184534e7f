"""A set of labels a document."""

from mgm.report.kinds.presentation import TaskPresentation

MULTILABEL = TaskPresentation(
    first_metric="micro-F1",
    calibrated_items="pairs of document and label",
    predicted_items="predicted labels",
    has_independent_scores=True,
    actual_heading="missed",
    predicted_heading="predicted instead",
    contribution_unit="log odds",
)
