"""Labelled spans of a document."""

from mgm.report.kinds.presentation import TaskPresentation

TAGGING = TaskPresentation(
    first_metric="exact span F1",
    calibrated_items="predicted spans",
    predicted_items="predicted spans",
    has_overlaps=True,
    matrix_note=(
        "Spans with the same bounds are compared; one without such a partner counts against “other bounds” "
        "where it overlaps a span of the other side, else against “no span”."
    ),
    contribution_unit="scores of tags",
)
