"""A number a document."""

from mgm.report.kinds.presentation import TaskPresentation

REGRESSION = TaskPresentation(
    first_metric="Pearson's correlation",
    answer="a number",
    errors_heading="Largest errors",
    explained_errors="the largest errors",
    score_heading="off by",
)
