"""The sections `evaluate`, `explain` and `verdict`."""

from typing import Annotated, Literal

from pydantic import Field

from mgm.settings.references import TaskName
from mgm.settings.section import Section


class EvaluateSettings(Section):
    """Metrics, intervals, slices and calibration on held-out documents."""

    splits: list[Literal["valid", "test"]] = ["valid", "test"]
    """Splits that are predicted; test must be among them."""
    bootstrap: int = Field(default=1_000, ge=0)
    """Resamples of an interval; 0: no intervals."""
    ood_inputs: dict[str, str] = {}
    """Name to a file of out-of-distribution documents (with model.fusion: stacked_autoencoder).

    Their reconstruction error is compared with that of the test split. A name of a corpus: with its column names.
    """
    ood_documents: int = Field(default=2_000, ge=1)
    """Most documents of each of these files, and of each corpus's test split."""
    min_slice_groups: int = Field(default=30, ge=2)
    """Groups of documents below which a slice is shown and not judged."""
    calibration_bins: int = Field(default=10, ge=2)
    """Bins of equal width over [0, 1]."""
    confidences: list[Annotated[float, Field(gt=0, lt=1)]] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    """Thresholds at which coverage and accuracy of the predictions above are reported."""


class ExplainSettings(Section):
    """The extent of the explanations; more documents and steps make the stage longer."""

    documents: int = Field(default=3_000, ge=1)
    """Most documents of each corpus and split for masking and the search for label errors."""
    bootstrap: int = Field(default=300, ge=0)
    """Resamples of an interval; 0: no intervals."""
    max_words: int = Field(default=250, ge=2)
    """Words above which a document's words are not attributed."""
    error_examples: int = Field(default=3, ge=0)
    """Errors of each task, the most confident ones, that are shown with their words highlighted."""
    correct_examples: int = Field(default=2, ge=0)
    """Correct predictions of each task that are shown so."""
    faithfulness: int = Field(default=40, ge=0)
    """Test documents of each task from which words are deleted."""
    deletion_shares: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=[0.05, 0.1, 0.2, 0.5], min_length=1
    )
    """Shares of the words that are deleted."""
    random_draws: int = Field(default=5, ge=1)
    """Random deletions that the deletion of important words is compared with."""
    steps: int = Field(default=16, ge=1)
    """Points of the path of integrated gradients, doubled while the sum is off by more than `tolerance`."""
    max_steps: int = Field(default=128, ge=1)
    """Most points of the path."""
    tolerance: float = Field(default=0.02, gt=0)
    """Largest completeness error, as a share of the sum of absolute attributions."""
    tokens_per_batch: int = Field(default=6_000, ge=1)
    """Words of a batch."""
    label_issues: int = Field(default=5, ge=0)
    """Suspected label errors of each task that are shown."""
    cost_documents: int = Field(default=60, ge=1)
    """Test documents of each corpus that are scored one by one, and all at once, to time it."""


class VerdictSettings(Section):
    """The conditions under which a candidate may replace the champion."""

    floors: dict[TaskName, float] = {}
    """Task to the least value of its first metric on the test split."""
    noninferiority_margin: float = Field(default=0.0, ge=0)
    """A task fails where candidate - champion is significantly below minus this.

    At 5% over all tasks, by Holm's correction.
    """
    smoke_documents: int = Field(default=64, ge=1)
    """Test documents of each corpus that are scored from raw text, in a separate process."""
    smoke_repeats: int = Field(default=10, ge=1)
    """Repeats of their scoring, for the time and its spread."""
    max_ms_per_document: float | None = Field(default=None, gt=0)
    """Most milliseconds a document, the median of the repeats; null: not judged."""
    max_memory_mib: float | None = Field(default=None, gt=0)
    """Most memory of that process; null: not judged."""
