"""One label a document."""

from mgm.report.kinds.presentation import TaskPresentation

CLASSIFICATION = TaskPresentation(
    first_metric="macro-F1", suggestion_heading="rather", contribution_unit="log odds"
)
